# shellcheck shell=bash
# Shared by the setup scripts: what they say, and how they install a package of the system.

# shellcheck disable=SC2034 # for those who read this file
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# node_modules FOLDER: installs what its package-lock.json pins, unless that was done.
node_modules() {
  local done_mark=$1/node_modules/.installed
  if [ ! -e "$done_mark" ] || [ "$1/package-lock.json" -nt "$done_mark" ]; then
    say "installing what ${1#"$root"/}/package-lock.json pins, with npm ci"
    (cd "$1" && npm ci --no-audit --no-fund --silent)
    touch "$done_mark"
  fi
}

# as_root COMMAND…: runs it as root if that needs no password, else fails.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    sudo -n "$@"
  else
    return 1
  fi
}

may_be_root() { [ "$(id -u)" -eq 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }

# sudo_word prints what to put before a command that a person is to type.
sudo_word() { [ "$(id -u)" -eq 0 ] || printf 'sudo '; }

manager() {
  local name
  for name in apt-get dnf apk brew; do
    if have "$name"; then
      printf '%s' "$name"
      return
    fi
  done
}

# install_command PACKAGE…: the line that installs them here, as a person would type it.
install_command() {
  case $(manager) in
    apt-get) printf '%sapt-get install -y %s' "$(sudo_word)" "$*" ;;
    dnf) printf '%sdnf install -y %s' "$(sudo_word)" "$*" ;;
    apk) printf '%sapk add %s' "$(sudo_word)" "$*" ;;
    brew) printf 'brew install %s' "$*" ;;
    *) printf 'install %s by hand (no apt-get, dnf, apk or brew here)' "$*" ;;
  esac
}

# install_packages PACKAGE…: says what it installs and does it. Where it cannot, it prints the one command to type and
# ends the script with 3.
install_packages() {
  local tool
  tool=$(manager)
  if [ -z "$tool" ] || { [ "$tool" != brew ] && ! may_be_root; }; then
    say "missing; type: $(install_command "$@")"
    exit 3
  fi
  say "installing $* with $tool"
  if ! run_manager "$tool" "$@" >&2 </dev/null; then
    say "that failed; type: $(install_command "$@")"
    exit 3
  fi
}

run_manager() {
  local tool=$1
  shift
  case $tool in
    apt-get)
      refresh_apt
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -qq "$@"
      ;;
    dnf) as_root dnf install -y -q "$@" ;;
    apk) as_root apk add -q "$@" ;;
    brew) HOMEBREW_NO_AUTO_UPDATE=1 brew install -q "$@" ;;
  esac
}

# refresh_apt fetches the lists of packages where there are none, as in a fresh container.
refresh_apt() {
  if ! find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null | grep >/dev/null .; then
    as_root apt-get update -qq >&2
  fi
}
