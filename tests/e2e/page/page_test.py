"""page_test.py TROUPE DEMO [SETTING=VALUE ...] [unittest's arguments]: drives the live page in headless
Chromium against the built server with the demo data. Exit code 77: there is no Chromium here."""
import json
import os
import signal
import sys
import tempfile
import time
import unittest

from browser import Browser, find_chromium
from page_server import Server, import_demo

CARDS = "document.querySelectorAll('#cards .card').length"
ORDER = "[...document.querySelectorAll('#cards .card')].map((card) => card.dataset.item)"
EVENTS = "Number(document.getElementById('latency-count').textContent)"
STATE = "document.getElementById('state').dataset.state"


class PageTest(unittest.TestCase):
    """One server and one browser for all; every test is a user of its own."""

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        store = os.path.join(cls.folder, "store")
        import_demo(TROUPE, DEMO, store)
        cls.server = cls.enterClassContext(Server(TROUPE, store, *SETTINGS))
        cls.browser = cls.enterClassContext(Browser(find_chromium()))

    @classmethod
    def enterClassContext(cls, context):  # as in Python 3.11's unittest, for older ones
        value = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)
        return value

    def open(self, user="", width=1280, height=900, **how):
        page = self.browser.open(self.server.url + (f"?user={user}" if user else ""),
                                 width, height, **how)
        page.wait_for(f"{STATE} === 'live'", "the connection to be live")
        page.wait_for(f"{CARDS} >= 12", "a list of films")
        return page

    def wait_until(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited in vain for {what}")
            time.sleep(0.1)

    def search(self, page, words):
        page.run("document.getElementById('search').value = ''")
        page.run("document.getElementById('search').focus()")
        page.type(words)
        page.wait_for(f"""document.getElementById('search-status').textContent.includes({json.dumps(words)})
                          && document.querySelector('.result .star')""", f"results for {words}")

    def rate_first_result(self, page, words, stars=5):
        before = page.run(EVENTS)
        self.search(page, words)
        page.click(f".result .star:nth-child({stars})")
        page.wait_for(f"{EVENTS} === {before + 1}", f"a list that answers the rating of {words}")

    def test_a_rating_reorders_the_list_and_says_why(self):
        page = self.open("page-newcomer")
        first = page.run(ORDER)
        self.assertEqual(len(first), len(set(first)))
        self.rate_first_result(page, "Alien")
        page.wait_for(f"JSON.stringify({ORDER}) !== {json.dumps(json.dumps(first, separators=(',', ':')))}",
                      "another order")
        reasons = page.run("[...document.querySelectorAll('.why')].map((line) => line.textContent)")
        self.assertIn("Because you rated Alien", reasons)
        ranks = page.run("[...document.querySelectorAll('#cards .rank')].map((rank) => rank.textContent)")
        self.assertEqual(ranks, [str(rank) for rank in range(1, len(ranks) + 1)])
        self.assertRegex(page.run("document.getElementById('latency-last').textContent"), r"^[\d.]+ m?s$")
        page.wait_for("document.getElementById('events').textContent.includes('rated Alien')",
                      "the rating among the events")
        page.wait_for("document.getElementById('affinities').textContent.includes('Sci-Fi')",
                      "the taste to know it")
        self.assertIn("List updated", page.run("document.getElementById('announce').textContent"))
        self.assertEqual(page.complaints(), [])

    def test_a_dismissed_film_leaves_and_stays_away(self):
        page = self.open("page-dismisser")
        gone = page.run(ORDER)[0]
        page.click("#cards .card .dismiss")
        page.wait_for(f"!{ORDER}.includes({json.dumps(gone)})", "the film to leave")
        self.rate_first_result(page, "Heat")
        self.assertNotIn(gone, page.run(ORDER))

    def test_the_keyboard_alone_is_enough(self):
        page = self.open("page-keyboard")
        page.key("j")
        first = page.wait_for("document.activeElement.dataset.item", "the first film to have the focus")
        page.key("j")
        second = page.run("document.activeElement.dataset.item")
        self.assertEqual([first, second], page.run(ORDER)[:2])
        page.key("4")
        page.wait_for(f"{EVENTS} === 1", "a list that answers the key")
        page.wait_for(f"!{ORDER}.includes({json.dumps(second)})", "the rated film to leave")
        self.assertTrue(page.run("document.activeElement.classList.contains('card')"),
                        "the focus was lost when the film left")
        # The stars as a radio group: the arrows move, Enter rates.
        page.run("document.querySelector('#cards .card .star').focus()")
        page.key("ArrowRight")
        page.key("ArrowRight")
        self.assertEqual(page.run("document.activeElement.getAttribute('aria-label')"), "3 stars")
        self.assertEqual(page.run(EVENTS), 1)
        page.key("Enter")
        page.wait_for(f"{EVENTS} === 2", "a list that answers Enter on a star")
        page.key("/")
        self.assertEqual(page.run("document.activeElement.id"), "search")
        page.key("5")
        self.assertEqual(page.run("document.getElementById('search').value"), "5")

    def test_it_reconnects_by_itself_and_sends_what_was_waiting(self):
        page = self.open("page-patient")
        self.rate_first_result(page, "Alien")
        self.search(page, "Toy Story")
        self.assertEqual(self.server.stop(signal.SIGTERM), 0)
        page.wait_for(f"{STATE} !== 'live'", "the page to notice")
        page.click(".result .star:nth-child(5)")
        self.server.start()
        page.wait_for(f"{STATE} === 'live'", "the page to come back", timeout=40)
        page.wait_for("document.getElementById('events').textContent.includes('rated Toy Story')",
                      "the rating given while the server was away")
        events = json.loads(self.server.get("v1/users/page-patient/events"))["events"]
        self.assertEqual([event["type"] for event in events if event["type"] != "impression"],
                         ["rating", "rating"])

    def test_what_is_in_view_for_a_second_counts_as_looked_at(self):
        page = self.open("page-looker", height=500)
        order = page.run(ORDER)

        def looked_at():
            events = json.loads(self.server.get("v1/users/page-looker/events"))["events"]
            return {event["item_id"] for event in events if event["type"] == "impression"}

        self.wait_until(lambda: order[0] in looked_at(), "the first film to have been looked at")
        self.assertNotIn(order[-1], looked_at())
        page.run("document.querySelector('#cards .card:last-child').scrollIntoView()")
        self.wait_until(lambda: order[-1] in looked_at(), "the last film to have been looked at")
        self.assertEqual(page.complaints(), [])

    def test_it_fits_a_phone(self):
        page = self.open("318", width=360, height=740, mobile=True)
        for view in ("find", "you", "slate"):
            page.click(f".tabs button[data-view={view}]")
            page.wait_for(f"document.body.dataset.view === '{view}'", f"the part {view}")
            self.assertLessEqual(page.run("document.documentElement.scrollWidth"), 360, view)
            cut = page.run("""[...document.querySelectorAll('main *')].filter((element) => {
              const box = element.getBoundingClientRect();
              return box.width > 0 && box.left < 360 && box.right > 361
                && !element.closest('.chips, svg, .visually-hidden');
            }).map((element) => element.className || element.tagName)""")
            self.assertEqual(cut, [], f"cut off in {view}")

    def test_everything_that_can_be_operated_has_a_name(self):
        page = self.open("page-names", calm=True)
        for button in ("", "#visitor-button", "#help-button"):
            if button:
                page.click(button)
                page.wait_for("document.querySelector('dialog[open]')", f"the dialog of {button}")
            nodes = page.call("Accessibility.getFullAXTree")["nodes"]
            roles = {"button", "radio", "radiogroup", "textbox", "searchbox", "combobox", "slider",
                     "link", "dialog", "listitem"}
            nameless = [node["role"]["value"] for node in nodes
                        if not node["ignored"] and node["role"]["value"] in roles - {"listitem"}
                        and not node.get("name", {}).get("value", "").strip()]
            self.assertEqual(nameless, [], button or "the page")
            if button:
                page.key("Escape")
                page.wait_for("!document.querySelector('dialog[open]')", "the dialog to close")

    def test_another_user_gets_another_list(self):
        page = self.open("20")
        musicals = page.run(ORDER)
        page.click("#visitor-button")
        page.wait_for("document.querySelector('dialog[open] .person')", "the dialog")
        page.run("[...document.querySelectorAll('.person')].find((one) => one.textContent.includes('80')).click()")
        page.wait_for(f"{CARDS} >= 12 && {ORDER}[0] !== {json.dumps(musicals[0])}", "the other's list")
        self.assertEqual(page.run("document.getElementById('visitor-name').textContent"), "Viewer 80")

    def test_a_genre_narrows_the_list(self):
        page = self.open("page-genre")
        page.run("""(() => { const genre = document.getElementById('genre');
          genre.value = 'Horror'; genre.dispatchEvent(new Event('change')); })()""")
        page.wait_for("""[...document.querySelectorAll('#cards .genres')].length >= 12
          && document.getElementById('announce').textContent.includes('updated')
          && document.querySelectorAll('#cards .moved.fresh').length > 0""", "the narrowed list")
        for item in page.run(ORDER):
            self.assertIn("Horror", json.loads(self.server.get(f"v1/items/{item}"))["categories"])

    def test_titles_read_as_on_a_poster(self):
        page = self.open("page-titles")
        cases = {"Shawshank Redemption, The (1994)": ["The Shawshank Redemption", "1994"],
                 "Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)": ["Amelie", "2001"],
                 "Heat": ["Heat", ""], "": ["Untitled", ""],
                 "(500) Days of Summer (2009)": ["(500) Days of Summer", "2009"]}
        for raw, wanted in cases.items():
            self.assertEqual(page.run(f"""import("./text.js").then(({{film_title}}) => {{
              const {{name, year}} = film_title({json.dumps(raw)}); return [name, year]; }})"""), wanted)

    def test_the_meter_pairs_a_list_that_overtakes_its_acknowledgement(self):
        page = self.open("page-meter")
        measured = page.run("""import("./latency.js").then(({latency_meter}) => {
          const meter = new latency_meter();
          meter.sent("early", 100);
          meter.slate(1, 103);              // before anything was acknowledged
          const overtaken = meter.acked("early", 1, 104);
          meter.sent("late", 200);
          const early_ack = meter.acked("late", 2, 201);
          const old_list = meter.slate(1, 202);  // reflects the first event only
          const new_list = meter.slate(2, 205);
          return [overtaken, early_ack, old_list, new_list, meter.done.map((one) => one.push)];
        })""")
        self.assertEqual(measured, [True, False, False, True, [3, 5]])


if __name__ == "__main__":
    if not find_chromium():
        print("page test: skipped, Chromium is not installed (scripts/setup --page-test)")
        sys.exit(77)
    TROUPE, DEMO = sys.argv[1:3]
    SETTINGS = [argument for argument in sys.argv[3:] if "=" in argument]
    rest = [argument for argument in sys.argv[3:] if "=" not in argument]
    unittest.main(argv=sys.argv[:1] + rest, verbosity=2)
