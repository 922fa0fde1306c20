"""`python -m benchmarks`; the work lives in a module of its own, which spawned processes can import."""

from benchmarks.driver import main

if __name__ == "__main__":
    main()
