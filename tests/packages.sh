# Install the Debian packages that some tests need, or say which are missing: those tests are
# skipped then, and pytest names them.
missing=
for package in "$@"; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y $missing; } >/dev/null; then
    exit 0
  fi
fi
echo "not installed:$missing; the tests that need it are skipped (Debian: apt install$missing)"
