import sys

from vggcore.cli import main

if __name__ == "__main__":
    sys.exit(main())
