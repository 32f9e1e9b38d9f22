"""take_picture.py TROUPE DEMO OUT.png [SETTING=VALUE ...]: the live page after some ratings, as the
README shows it.

Real server, real data; run it on a quiet machine, the picture shows the times it measured.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from browser import Browser, find_chromium
from page_server import Server, import_demo

# Searched for and rated, one after the other; what the last search found stays in view.
RATED = (("Heat", 5), ("Fargo", 5), ("Casino", 4), ("Usual Suspects", 5), ("Taxi Driver", 4),
         ("Goodfellas", 5), ("Amelie", 3), ("Seven Samurai", 5), ("Rear Window", 5), ("Psycho", 4),
         ("Vertigo", 5), ("Chinatown", 4), ("Apocalypse Now", 5), ("Clockwork Orange", 5),
         ("Alien", 5), ("Blade Runner", 5), ("Star Trek", 4))
SHOWN = "Number(document.getElementById('latency-count').textContent)"
STILL = "document.getAnimations().every((one) => one.playState !== 'running')"


def main(troupe, demo, out, *settings):
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, "store")
        import_demo(troupe, demo, store)
        with Server(troupe, store, *settings) as server, Browser(find_chromium()) as browser:
            page = browser.open(server.url + "?user=visitor-demo", 1440, 900)
            # A picture has no scroll bar, so it needs no place for one.
            page.run("document.documentElement.style.scrollbarGutter = 'auto'")
            page.wait_for("document.querySelectorAll('#cards .card').length >= 12", "a list")
            for count, (film, stars) in enumerate(RATED, 1):
                page.run("document.getElementById('search').value = ''")
                page.run("document.getElementById('search').focus()")
                page.type(film)
                page.wait_for(f"document.getElementById('search-status').textContent.includes('“{film}”')"
                              " && document.querySelector('.result .star')", f"results for {film}")
                page.wait_for(STILL, "the cards to stand still")
                page.click(f".result .star:nth-child({stars})")
                page.wait_for(f"{SHOWN} >= {count}", f"the list after {film}")
            page.wait_for(STILL, "the cards to stand still")
            page.wait_for("document.querySelectorAll('#events li').length >= 6", "the events")
            page.screenshot(out)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--skip-if-larger", "--output", out, "256", out],
                       check=False)
    print(f"{out}: {os.path.getsize(out)} bytes")


main(*sys.argv[1:])
