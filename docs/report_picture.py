"""Score `sample` with a report, and keep as docs/report.jpg what a browser shows: python docs/report_picture.py."""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from rerun import run
from selenium import webdriver

DOCS = Path(__file__).resolve().parent
SIZE = (1000, 1100)
COMMAND = "vdsr-eval --dataset sample --scale 3 --weights default --per-image --html report.html --image chelsea"
FLAGS = ("headless", "no-sandbox", "disable-gpu", "disable-background-networking", "hide-scrollbars")


def screenshot(page: Path) -> Image.Image:
    """A page in headless Chromium, as it looks in light mode."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        size = dict(zip(("width", "height"), SIZE, strict=True))
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": 1, "mobile": False})
        driver.get(page.as_uri())
        return Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    finally:
        driver.quit()


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        print(run(COMMAND, Path(folder)))
        screenshot(Path(folder, "report.html")).save(DOCS / "report.jpg", quality=88)


if __name__ == "__main__":
    main()
