import sys

from vggcore.commands.cli import main

if __name__ == "__main__":
    sys.exit(main())
