"""The HTML page: self-contained, and, in headless Chromium, the slider, the sorting, the keyboard and both themes."""

import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_eval_pictures import photograph, scored

from vdsr_eval.metrics.fidelity import Pixels
from vdsr_eval.protocols.protocol import PROTOCOLS
from vdsr_eval.reports.page import PageImages, write_page
from vdsr_eval.reports.tables import per_image, summary
from vdsr_eval.scoring.records import Record, Scored

PAPER = PROTOCOLS["paper"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMEDRIVER = shutil.which("chromedriver")


def item(image: str, model: str, psnr: float, level: int, scale: int = 2) -> Scored:
    """A grey image that a model turned into one level of grey."""
    base = scored(photograph(60, 80)[:, :, 0], PAPER)
    record = Record("Set", image, scale, model, "paper", psnr, 0.9)
    return replace(base, record=record, values=Pixels(np.full((60, 80), float(level))))


def page(path: Path, names: tuple[str, ...] = ("bird", "head", "zebra"), each: int = 2) -> list[Record]:
    images = PageImages(each)
    records = []
    for k, name in enumerate(names):
        methods = [item(name, "bicubic", 30 + k % 2 * 3, 0), item(name, "VDSR (runs/a/weights.h5)", 34 - k, 200)]
        images(methods)
        records += [method.record for method in methods]
    write_page(path, records, [summary(records, protocol=PAPER), per_image(records, protocol=PAPER)], images.views)
    return records


def content(path: Path) -> dict:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S)
    assert found is not None
    return json.loads(found[1])


def test_the_page_holds_records_tables_and_the_first_images(tmp_path: Path) -> None:
    records = page(tmp_path / "page.html")
    data = content(tmp_path / "page.html")
    assert [row["psnr"] for row in data["records"]] == [record.psnr for record in records]
    assert [table["heading"] for table in data["tables"]] == ["Means, paper", "Each image, paper"]
    assert [view["image"] for view in data["views"]] == ["bird", "head"]
    layers = data["views"][0]["layers"]
    assert [layer["name"] for layer in layers] == ["ground truth", "bicubic", "VDSR (runs/a/weights.h5)"]
    assert all(layer["src"].startswith("data:image/png;base64,") for layer in layers)


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    page(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert not re.search(r"https?:|//cdn|@import|url\(", text)
    assert "default-src 'none'" in text  # nor would a browser load anything
    assert set(re.findall(r'(?:src|href)="([^"]*)"', text)) == {"data:,"}


def test_names_cannot_break_out_of_the_data(tmp_path: Path) -> None:
    nasty = "</script><script>alert(1)</script><!--"
    page(tmp_path / "page.html", names=(nasty,))
    assert content(tmp_path / "page.html")["records"][0]["image"] == nasty
    assert "<script>alert" not in (tmp_path / "page.html").read_text()


def test_infinite_scores_are_valid_json(tmp_path: Path) -> None:
    perfect = item("same", "oracle", float("inf"), 9)
    images = PageImages(1)
    images([perfect])
    write_page(tmp_path / "p.html", [perfect.record], [], images.views)
    assert content(tmp_path / "p.html")["records"][0]["psnr"] is None


def test_named_images_go_before_the_first() -> None:
    images = PageImages(1, frozenset({"zebra"}))
    for name in ("bird", "zebra"):
        images([item(name, "bicubic", 30, 0)])
    assert [view["image"] for view in images.views] == ["zebra"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """Opens a file in headless Chromium at a width, in a colour scheme."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip("needs chromium and chromedriver (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    for flag in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
        "disable-component-update", "disable-sync", "hide-scrollbars",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(CHROMEDRIVER))

    def look(path: Path, width: int = 1280, height: int = 900, scheme: str = "light"):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme_feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme_feature]})
        driver.get(path.as_uri())
        return driver

    yield look
    driver.quit()


def shot(element) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")).astype(int)


def wait(driver, script: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 10).until(lambda d: d.execute_script(f"return {script}"))


def keys(driver, *sent: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(driver).send_keys(*sent).perform()


@pytest.mark.slow
def test_the_slider_wipes_between_the_two_methods(tmp_path: Path, browser) -> None:
    """Bicubic is black here and the network light grey: what is left of the slider is black, the rest is not."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    page(tmp_path / "page.html")
    driver = browser(tmp_path / "page.html")
    wait(driver, "document.getElementById('over').complete && document.getElementById('under').complete")
    layers, slider = driver.find_element("id", "layers"), driver.find_element("id", "wipe")

    def dark_share() -> float:
        picture = shot(layers)[:, :, 0]
        assert set(np.unique(picture[picture.shape[0] // 2] // 50)) <= {0, 1, 2, 3, 4, 5}
        return float((picture < 100).mean())

    assert dark_share() == pytest.approx(0.5, abs=0.02)
    slider.send_keys(*[Keys.ARROW_RIGHT] * 25)
    assert dark_share() == pytest.approx(0.75, abs=0.02)
    slider.send_keys(Keys.HOME)
    assert dark_share() == pytest.approx(0, abs=0.02)
    width = layers.size["width"]
    mouse = ActionChains(driver).move_to_element_with_offset(layers, -width // 2 + 5, 0).click_and_hold()
    mouse.move_by_offset(int(width * 0.3) - 5, 0).release().perform()
    assert dark_share() == pytest.approx(0.3, abs=0.02)
    assert slider.get_attribute("value") == "30"
    assert driver.get_log("browser") == []


@pytest.mark.slow
def test_tables_sort_by_any_column(tmp_path: Path, browser) -> None:
    page(tmp_path / "page.html")
    driver = browser(tmp_path / "page.html")

    def column(number: int) -> list[str]:
        script = (
            "return [...document.querySelectorAll('#images tbody tr')].map((row) => row.cells[arguments[0]].innerText)"
        )
        return [text.split("\n")[0] for text in driver.execute_script(script, number)]

    assert column(0) == ["bird", "head", "zebra"]
    bicubic, network = driver.find_elements("css selector", "#images thead button")[1:]
    bicubic.click()
    assert column(1) == ["30.00 dB / 0.9000", "30.00 dB / 0.9000", "33.00 dB / 0.9000"]
    network.click()
    assert column(2) == [f"{psnr}.00 dB / 0.9000" for psnr in (32, 33, 34)]
    assert column(0) == ["zebra", "head", "bird"]
    network.click()
    assert column(0) == ["bird", "head", "zebra"]
    headers = driver.find_elements("css selector", "#images thead th")
    assert [header.get_attribute("aria-sort") for header in headers] == ["none", "none", "descending"]
    network.send_keys(" ")  # the keyboard sorts too
    assert column(0) == ["zebra", "head", "bird"]
    each = driver.find_elements("css selector", "#tables .card")[1]
    each.find_elements("css selector", "thead button")[4].click()
    cells = [row.text for row in each.find_elements("css selector", "tbody tr")]
    assert [cell.split()[2] for cell in cells] == ["zebra", "head", "bird"]


@pytest.mark.slow
def test_bars_are_as_long_as_the_scores_say(tmp_path: Path, browser) -> None:
    page(tmp_path / "page.html")
    driver = browser(tmp_path / "page.html")
    widths = [bar.size["width"] for bar in driver.find_elements("css selector", "#images .fill")]
    tracks = [bar.size["width"] for bar in driver.find_elements("css selector", "#images .track")]
    shares = np.array(widths) / np.array(tracks)
    psnrs = np.array([30, 34, 33, 33, 30, 32])
    assert len(set(tracks)) == 1
    np.testing.assert_allclose(shares, (psnrs - 29) / (34 - 29), atol=0.02)


@pytest.mark.slow
def test_keyboard_difference_map_and_links(tmp_path: Path, browser) -> None:
    page(tmp_path / "page.html")
    driver = browser(tmp_path / "page.html")
    body = driver.find_element("tag name", "body")
    keys(driver, "n")
    assert driver.find_element("id", "view").get_attribute("value") == "1"
    keys(driver, "n")
    assert driver.find_element("id", "view").get_attribute("value") == "0"
    assert "left: bicubic, 30.00 dB / 0.9000" in body.text
    keys(driver, "x")
    assert "right: bicubic, 30.00 dB / 0.9000" in body.text
    keys(driver, "d")
    wait(driver, "document.getElementById('map').dataset.drawn")
    # The methods are 200 levels apart; amplified 5 times over 3 channels every channel saturates.
    assert shot(driver.find_element("id", "map")).min() == 255
    driver.find_element("css selector", "#gain option:first-child").click()
    driver.find_element("id", "map").click()  # a letter typed into a list picks from the list
    wait(driver, "document.getElementById('map').dataset.drawn.endsWith(' 1')")
    heat = shot(driver.find_element("id", "map"))[20:40, 20:40].reshape(-1, 3)
    np.testing.assert_array_equal(np.unique(heat, axis=0), [[255, 255, 90]])
    keys(driver, "d")
    assert not driver.find_element("id", "map").is_displayed()
    driver.find_element("css selector", "#images tbody tr:nth-child(2) .link").click()
    assert driver.find_element("id", "view").get_attribute("value") == "1"
    assert driver.get_log("browser") == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_and_desktop_in_both_schemes(tmp_path: Path, browser, width: int, scheme: str) -> None:
    page(tmp_path / "page.html")
    driver = browser(tmp_path / "page.html", width, 844, scheme)
    assert driver.execute_script("return document.documentElement.scrollWidth") == width
    # Two methods and their bars are seen without scrolling sideways.
    inside = "const box = document.getElementById('images').parentElement; return box.scrollWidth - box.clientWidth"
    assert driver.execute_script(inside) <= 1
    top = shot(driver.find_element("tag name", "body"))[4, 4]
    assert (top < 60).all() if scheme == "dark" else (top > 230).all()
    selects = driver.find_elements("css selector", ".controls select")
    assert min(select.size["height"] for select in selects if select.is_displayed()) >= 24  # a finger hits it
    button = driver.find_element("id", "theme")
    for text in ("light", "dark", "automatic"):
        button.click()
        assert button.text == f"Theme: {text}"
        paper = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        wanted = scheme if text == "automatic" else text
        assert paper == {"light": "rgb(251, 250, 247)", "dark": "rgb(20, 23, 26)"}[wanted]


@pytest.mark.slow
def test_a_page_without_images_has_no_viewer(tmp_path: Path, browser) -> None:
    record = Record("Set", "bird", 2, "bicubic", "paper", 30.0, 0.9)
    write_page(tmp_path / "page.html", [record], [summary([record], protocol=PAPER)], [])
    driver = browser(tmp_path / "page.html")
    assert not driver.find_element("id", "viewer").is_displayed()
    assert "30.00 / 0.9000" in driver.find_element("id", "tables").text
    assert driver.get_log("browser") == []
