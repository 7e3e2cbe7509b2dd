# Makes an image's file system what the container contract says. Run once, as root, by /bin/sh inside it, after the tools
# and certificates were put in place. Every step leaves alone what is right already.
set -eu

missing=
for program in bash getent groupadd useradd usermod stdbuf python3; do
    command -v $program >/dev/null || missing="$missing $program"
done
[ -z "$missing" ] || { echo "It lacks:$missing" >&2; exit 1; }

# account NAME UID GROUP GID HOME. A user of another name with that uid is renamed, as Ubuntu's images have a user 1000.
account() {
    getent group "$4" >/dev/null || groupadd -g "$4" "$3"
    holder=$(getent passwd "$2" | cut -d: -f1)
    [ -z "$holder" ] || [ "$holder" = "$1" ] || usermod -l "$1" "$holder"
    if getent passwd "$1" >/dev/null; then
        usermod -u "$2" -g "$4" -d "$5" -s /bin/bash "$1"
    else
        useradd -u "$2" -g "$4" -M -d "$5" -s /bin/bash "$1"
    fi
    mkdir -p "$5"
    [ -e "$5/.bashrc" ] || [ ! -d /etc/skel ] || cp -R /etc/skel/. "$5"
    chown -R "$2:$4" "$5"
    chmod 755 "$5"
}
account modelarts 1100 modelarts 1100 /home/modelarts
account work 1101 work 1101 /home/work
account ma-user 1000 ma-group 100 /home/ma-user

mkdir -p /cache
chown 1101:1101 /cache
chmod 755 /cache
cd /home/work
chown root:root run_train.sh utils.sh ip_mapper.py modelarts-downloader.py
chmod 755 run_train.sh utils.sh ip_mapper.py modelarts-downloader.py

# `python`, and a pip that root may use, are what the official bases have
command -v python >/dev/null || ln -s python3 "$(dirname "$(command -v python3)")/python"
rm -f /usr/lib/python3*/EXTERNALLY-MANAGED

if ls /usr/local/share/ca-certificates/machine-*.crt >/dev/null 2>&1 && command -v update-ca-certificates >/dev/null; then
    update-ca-certificates >/dev/null 2>&1
fi
[ -e /etc/ssl/certs/ca-certificates.crt ] || sed -i '/^cert = /d' /etc/pip.conf
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/log/*.log
