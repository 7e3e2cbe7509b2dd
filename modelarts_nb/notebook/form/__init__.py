"""The form of ``%modelarts``: widgets that fill a ``form.Choice``. Imported when it is opened, as it imports ipywidgets."""
