"""One thin module per kind, joining sources, build and engine; ``manager.py`` wires them and runs them."""
