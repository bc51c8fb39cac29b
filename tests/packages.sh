# Install the Debian packages that some tests need, or say which are missing: those tests are
# skipped then, and pytest names them. One by one, so that one that cannot be had stops no other.
is_there() { dpkg -s "$1" >/dev/null 2>&1; }

missing=
for package in "$@"; do
  is_there "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && apt-get update -qq >/dev/null; then
  for package in $missing; do
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$package" >/dev/null
  done
fi
left=
for package in $missing; do
  is_there "$package" || left="$left $package"
done
[ -z "$left" ] || echo "not installed:$left; the tests that need it are skipped (Debian: apt install$left)"
