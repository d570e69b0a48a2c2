"""`python -m medshelf`."""

from medshelf.cli import main

if __name__ == "__main__":
    main()
