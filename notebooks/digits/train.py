"""Train a classifier of handwritten digits and save it with its accuracy.

The platform appends ``--train_url=FOLDER`` to the command: what is saved there is the job's output.
"""

import argparse
import json
import os
import platform

import joblib
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--train_url", required=True, help="folder for the trained model")
parser.add_argument("--epochs", type=int, default=20)
arguments, _ = parser.parse_known_args()  # the platform may append more than this script knows

images, labels = load_digits(return_X_y=True)
train_images, test_images, train_labels, test_labels = train_test_split(
    images / 16, labels, test_size=0.25, random_state=0, stratify=labels
)
print(f"{len(train_images)} images to learn from, {len(test_images)} to test with; Python {platform.python_version()}")

model = MLPClassifier(hidden_layer_sizes=(64,), learning_rate_init=0.005, random_state=0)
for epoch in range(1, arguments.epochs + 1):
    model.partial_fit(train_images, train_labels, classes=range(10))
    accuracy = accuracy_score(test_labels, model.predict(test_images))
    print(f"epoch {epoch}/{arguments.epochs} loss={model.loss_:.3f} accuracy={accuracy:.3f}")

os.makedirs(arguments.train_url, exist_ok=True)
joblib.dump(model, os.path.join(arguments.train_url, "model.joblib"))
with open(os.path.join(arguments.train_url, "metrics.json"), "w") as out:
    json.dump({"accuracy": accuracy, "epochs": arguments.epochs}, out)
print(f"saved to {arguments.train_url}")
