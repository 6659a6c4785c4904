"""What a person would call the device at the other end, from what its browser says of itself."""

NAME_LIMIT = 100
UNKNOWN = "Unknown device"

# The first that is found names it: many a browser also claims to be those that came before it.
PROGRAMS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "Dart/": "Mobile app",
    "okhttp/": "Mobile app",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def device_name(given: str | None, user_agent: str | None) -> str:
    """As the client calls itself, else "Firefox on Linux", else the program's own name: "curl"."""
    if given:
        return given[:NAME_LIMIT]
    agent = user_agent or ""
    known = " on ".join(filter(None, (_first(PROGRAMS, agent), _first(SYSTEMS, agent))))
    return known or _printable(agent.partition("/")[0]) or UNKNOWN


def _first(names: dict[str, str], agent: str) -> str | None:
    return next((name for mark, name in names.items() if mark in agent), None)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()[:NAME_LIMIT]
