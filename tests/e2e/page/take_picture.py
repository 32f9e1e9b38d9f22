"""take_picture.py TROUPE DEMO OUT.png: the live page after a few ratings, as the README shows it.

Real server, real data; run it on a quiet machine, the picture shows the times it measured.
"""
import os
import shutil
import subprocess
import sys
import tempfile

from browser import Browser, find_chromium
from page_server import Server, import_demo

FILMS = ("Heat", "Matrix", "Alien", "Blade Runner", "Terminator 2", "Fargo")
SHOWN = "Number(document.getElementById('latency-count').textContent)"


def main(troupe, demo, out):
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, "store")
        import_demo(troupe, demo, store)
        with Server(troupe, store) as server, Browser(find_chromium()) as browser:
            page = browser.open(server.url + "?user=visitor-demo", 1440, 900)
            page.wait_for("document.querySelectorAll('#cards .card').length >= 12", "a list")
            for count, film in enumerate(FILMS, 1):
                page.run("document.getElementById('search').value = ''")
                page.run("document.getElementById('search').focus()")
                page.type(film)
                page.wait_for(f"document.getElementById('search-status').textContent.includes('“{film}”')"
                              " && document.querySelector('.result .star')", f"results for {film}")
                page.click(".result .star:nth-child(5)")
                page.wait_for(f"{SHOWN} >= {count}", f"the list after {film}")
            page.wait_for("document.getAnimations().every((one) => one.playState !== 'running')",
                          "the cards to stand still")
            page.wait_for("document.querySelectorAll('#events li').length >= 6", "the events")
            page.screenshot(out)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--skip-if-larger", "--output", out, "256", out],
                       check=False)
    print(f"{out}: {os.path.getsize(out)} bytes")


main(*sys.argv[1:])
