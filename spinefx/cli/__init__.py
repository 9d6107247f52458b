"""The command line: parse, call the engine, print. Nothing else lives here."""


def main() -> None:
    """Entry point."""
