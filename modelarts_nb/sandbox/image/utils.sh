# Functions of run_train.sh. A stand-in, written from the documented names and purposes.

# dls_create_log FILE: the log of this task.
dls_create_log() {
    DLS_TASK_LOG=$1
    : >"$DLS_TASK_LOG"
}

# dls_logger: standard input, line by line, to standard output and to the task's log.
dls_logger() {
    stdbuf -oL tee -a "$DLS_TASK_LOG"
}

# dls_get_app URL TOOLS: the code folder at URL comes into the current folder, below its own last name.
dls_get_app() {
    if [ -z "$1" ]; then
        echo "DLS_APP_URL is empty" >/tmp/dls-downloader.log
        return 1
    fi
    python3 "$2/modelarts-downloader.py" -s "$1" -d "$PWD" >/tmp/dls-downloader.log 2>&1
}

# dls_upload_log FILE URL TOOLS: the log goes to object storage; a failure is told and changes nothing.
dls_upload_log() {
    python3 "$3/modelarts-downloader.py" --upload "$1" -d "$2" >>/tmp/dls-downloader.log 2>&1 ||
        echo "[Modelarts Service Log]log upload to $2 failed"
}
