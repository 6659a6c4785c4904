"""`dukan import products` against a platform of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from dukan.product_import import picture_of
from dukan.running_platform import RunningPlatform
from dukan.temporary import temporary_platform


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    with temporary_platform("--no-sample") as running:
        yield running


@pytest.fixture
def catalogue(tmp_path: Path) -> tuple[Path, Path]:
    """A file and its folder of pictures: the real catalogue where there is one, else a small one of its shape."""
    real = Path(os.environ.get("DUKAN_TEST_DATA", "absent")) / "eshop"
    if (real / "catalog.json").is_file():
        return real / "catalog.json", real / "pics"
    row = {"Type": "Bags", "Brand": "Daybird", "Description": "Holds much.", "Price": 89.99}
    file = tmp_path / "catalog.json"
    file.write_text(json.dumps([row | {"Id": number, "Name": f"Bag {number}"} for number in range(1, 60)]))
    pictures = tmp_path / "pics"
    pictures.mkdir()
    for number in range(1, 60):
        target = BytesIO()
        Image.new("RGB", (60, 40), (number, 0, 0)).save(target, "WEBP")
        (pictures / f"{number}.webp").write_bytes(target.getvalue())
    return file, pictures


def run(
    platform: RunningPlatform, *arguments: str | Path, data: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dukan", "import", "products", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DUKAN_ADMIN")}
    command += ["--data", str(data or platform.data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environment)


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_a_catalogue_with_pictures_comes_in_and_the_second_time_changes_nothing(
    platform: RunningPlatform, catalogue: tuple[Path, Path]
) -> None:
    file, pictures = catalogue
    count = len(json.loads(file.read_text()))
    arguments = (file, "--images", pictures, "--stock", "7", "--json")
    first, second = run(platform, *arguments), run(platform, *arguments)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    nothing = {"created": 0, "updated": 0, "unchanged": 0, "failed": 0, "problems": []}
    assert report_of(first) == nothing | {"created": count, "images": {"added": count}}
    assert report_of(second) == nothing | {"unchanged": count, "images": {"known": count}}
    listed = httpx.get(f"{platform.url}/api/v1/products", params={"in_stock": True}).json()
    assert listed["meta"]["total"] == count


def test_a_bad_row_is_told_by_line_and_column_and_the_good_ones_go_in(
    platform: RunningPlatform, tmp_path: Path
) -> None:
    file = tmp_path / "products.csv"
    file.write_text("code,label,cost\nA-1,Pot,12.50\nA-2,Pan,cheap\n")
    done = run(platform, file, "--map", "sku=code", "--map", "title=label", "--map", "price=cost")
    assert done.returncode == 1
    assert "line 3: cost is not a number: cheap" in done.stdout
    assert "1 created, 0 updated, 0 unchanged, 1 failed" in done.stdout


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("[", (), "the JSON is broken: it ends too early"),
        ("sku,name,Price net\nA,Pot,1\n", (), "The column Price net may or may not be the price"),
        ("sku,name\nA,Pot\n", (), "No column is known to be the price"),
        ("sku,name,price\nA,Pot,1\n", ("--map", "sku"), "--map takes field=column"),
        ("sku,name,price\nA,Pot,1\n", ("--email", "x@example.com", "--password", "wrong"), "signing in failed"),
        ("sku,name,price\nA,Pot,1\n", ("--url", "http://127.0.0.1:9"), "no answer from http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    platform: RunningPlatform, tmp_path: Path, content: str, options: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "products.txt"
    file.write_text(content)
    done = run(platform, file, *options)
    assert done.returncode != 0
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_without_a_platform_the_command_says_how_to_start_one(platform: RunningPlatform, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("sku,name,price\nA,Pot,1\n")
    done = run(platform, file, data=tmp_path)
    assert (done.returncode, "dukan up" in done.stderr) == (1, True)


def test_a_row_reaches_no_picture_outside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pics"
    folder.mkdir()
    (tmp_path / "secret.png").touch()
    (folder / "7.webp").touch()
    row = {"sku": None, "external_key": "7", "image": "../secret.png"}
    assert picture_of(row, folder) == folder / "7.webp"
    assert picture_of(row | {"external_key": "../secret"}, folder) is None


def test_stock_is_added_only_where_the_file_states_none(platform: RunningPlatform, tmp_path: Path) -> None:
    file = tmp_path / "products.csv"
    file.write_text("sku,name,price,qty\nQ-1,Jug of three,1,3\nQ-2,Jug of none,1,\n")
    assert run(platform, file, "--stock", "9").returncode == 0
    found = httpx.get(f"{platform.url}/api/v1/products", params={"search": "jug"}).json()["data"]
    stock = {
        product["sku"]: httpx.get(f"{platform.url}/api/v1/products/{product['id']}/stock").json()["data"]["available"]
        for product in found
    }
    assert stock == {"Q-1": 3, "Q-2": 0}


@pytest.mark.parametrize(("mark", "amount"), [(",", 185000), (".", 185)])
def test_the_decimal_mark_and_the_encoding_can_be_stated(
    platform: RunningPlatform, tmp_path: Path, mark: str, amount: int
) -> None:
    file = tmp_path / "products.csv"
    file.write_text("sku;name;price\nD-1;Größe;1.850\n", encoding="cp1252")
    done = run(platform, file, "--decimal", mark, "--encoding", "windows-1252")
    assert done.returncode == 0, done.stderr
    [product] = httpx.get(f"{platform.url}/api/v1/products", params={"search": "größe"}).json()["data"]
    assert product["price"]["amount"] == amount
