"""Lathe in the browser: navigation, page config, language, and the engine started in the background."""

import logging
import threading
from pathlib import Path

import streamlit as st

from engine import api
from pages.widgets import layout, state
from pages.widgets.settle import settle
from pages.widgets.text import _, choose_language

FOLDER = Path(__file__).parent / "pages"
MARK = FOLDER / "assets" / "lathe.svg"  # a file of our own: Streamlit fetches named icons from elsewhere
STYLE = FOLDER / "assets" / "lathe.css"
SIDEBAR_WIDTH_PX = 230
ENGINE_CHECK_S = 30  # how often a rerun may look whether the engine still serves this workspace

log = logging.getLogger("lathe.app")


@st.cache_resource(ttl=ENGINE_CHECK_S, show_spinner=False)
def start_engine() -> None:
    """Start the engine beside the server without keeping the first page waiting."""

    def start() -> None:
        try:
            api.ensure_engine()
        except Exception:  # the border of a thread: Home shows that the engine is off
            log.exception("the engine did not start")

    threading.Thread(target=start, name="lathe-start-engine", daemon=True).start()


def main() -> None:
    """Draw the shell, then the chosen page."""
    st.set_page_config(page_title="Lathe", page_icon=str(MARK), layout="wide", initial_sidebar_state=SIDEBAR_WIDTH_PX)
    st.html(STYLE)
    st.logo(str(MARK), size="large")
    state.follow_address()
    pages = {
        "home": (_("Home"), ":material/home:"),
        "data": (_("Data"), ":material/table_chart:"),
        "design": (_("Design"), ":material/schema:"),
        "whatif": (_("What if?"), ":material/experiment:"),
        "finetune": (_("Fine-tune"), ":material/layers:"),
        "train": (_("Train"), ":material/model_training:"),
        "tuning": (_("Tuning"), ":material/tune:"),
        "evaluate": (_("Evaluate"), ":material/fact_check:"),
        "runs": (_("Runs"), ":material/list:"),
    }
    page = st.navigation(
        [
            st.Page(f"pages/{name}.py", title=title, icon=icon, default=name == "home")
            for name, (title, icon) in pages.items()
        ]
    )
    start_engine()
    with st.sidebar:
        choose_language()
    try:
        page.run()
    except Exception:  # the border of the screen: whatever happened goes to the log, the person reads a way on
        log.exception("the screen %s could not be drawn", page.title)
        layout.error_state(layout.defect(), key="defect")
    settle()


main()
