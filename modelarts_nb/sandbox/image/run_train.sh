#!/bin/bash
# Start of a training job in a v1 container: fetch the code, run the command, keep its log and its exit code.
#
#   bash /home/work/run_train.sh COMMAND [ARGUMENT…]
#
# A stand-in, written from the documented behaviour of the platform's script of this name; see utils.sh.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/utils.sh"

export DLS_USER_JOB_DIR="$here/user-job-dir"
export PYTHONPATH="$DLS_USER_JOB_DIR${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONUNBUFFERED=1

mkdir -p "$DLS_USER_JOB_DIR" && cd "$DLS_USER_JOB_DIR" || exit 1

dls_create_log "/tmp/dls-task-${DLS_TASK_INDEX:-0}.log"

if dls_get_app "${DLS_APP_URL:-}" "$here"; then
    stdbuf -oL -eL "$@" 2>&1 | dls_logger
    code=${PIPESTATUS[0]}
else
    echo "[Modelarts Service Log]App download error:" | dls_logger
    dls_logger </tmp/dls-downloader.log
    code=127
fi

if [ -n "${DLS_USE_UPLOADER:-}" ] && [ "$DLS_USE_UPLOADER" != 0 ]; then
    dls_upload_log "$DLS_TASK_LOG" "${DLS_UPLOAD_LOG_OBS_DIR:-}" "$here"
fi

# The platform's script waits 3 s here for its log collector. Nothing collects in a local run, so it need not wait.
sleep "${DLS_EXIT_DELAY:-0}"
exit "$code"
