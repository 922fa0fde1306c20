"""`python -m opsbook` is the command line."""

from opsbook.runs.cli import main

if __name__ == "__main__":
    main()
