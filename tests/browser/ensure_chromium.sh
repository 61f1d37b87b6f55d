#!/bin/sh
# Brings a Chromium for the browser tests: an installed one, else the distribution's, else Playwright's own.
set -u
for name in "${PLAYWRIGHT_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "Installing Chromium ..."
    # Fonts for Chinese: without them the screenshots of the Chinese pages show boxes.
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null && exit 0
fi
echo "Installing Playwright's own Chromium ..."
"${BIN:-.venv/bin}/playwright" install chromium && exit 0
echo "No Chromium could be found or installed. Install one (apt-get install chromium) or set PLAYWRIGHT_CHROMIUM to its path." >&2
exit 1
