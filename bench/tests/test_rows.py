from bench.rows import Reference, Row, missing


def test_a_target_with_a_reference_is_a_target_of_the_ratio() -> None:
    row = Row("gateway", 700.0, "requests/s", Reference("nginx", 1000.0), target=0.65)
    assert (row.ratio, row.met) == (0.7, True)


def test_a_target_without_a_reference_is_a_target_of_the_value() -> None:
    assert Row("login", 39.0, "requests/s", target=40.0).met is False


def test_what_should_stay_small_misses_its_target_above_it() -> None:
    assert Row("memory", 121.0, "MB", target=120.0, at_most=True).met is False


def test_what_could_not_be_measured_neither_meets_nor_misses_its_target() -> None:
    row = missing("against nginx", "requests/s", "nginx is not installed")
    assert row.met is None
    assert row.as_json()["value"] is None


def test_what_nothing_was_asked_of_meets_nothing() -> None:
    assert Row("ready", 3.0, "s").met is None
