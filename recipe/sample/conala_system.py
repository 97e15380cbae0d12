"""One-liners with the standard library: files, paths, dates, numbers as text."""

from __future__ import annotations

from recipe.sample.families import Snippet
from recipe.sample.words import TEXTS

FILES = ("log.txt", "data.csv", "notes.txt", "words.txt", "report.txt", "names.txt")
PATHS = ("path", "filename", "src", "target", "location")

FAMILIES = (
    Snippet(
        "read-file",
        (
            "get $what of file '$f'",
            "read $what from file '$f'",
            "open '$f' and return $what",
        ),
        "$e",
        {
            "f": FILES,
            "what e want": (
                ("the text", "open('$f').read()", "'b 1\\na  \\n'"),
                ("a list of the lines", "open('$f').read().splitlines()", "['b 1', 'a  ']"),
                ("the number of lines", "len(open('$f').readlines())", "2"),
                ("the first line", "open('$f').readline()", "'b 1\\n'"),
                ("a list of the words", "open('$f').read().split()", "['b', '1', 'a']"),
                (
                    "the stripped lines as a list",
                    "[line.strip() for line in open('$f')]",
                    "['b 1', 'a']",
                ),
                ("the sorted lines", "sorted(open('$f').readlines())", "['a  \\n', 'b 1\\n']"),
            ),
        },
        "result == $want",
        "import io\ndef open(name, mode='r'):\n    return io.StringIO('b 1\\na  \\n')",
    ),
    Snippet(
        "path",
        (
            "get $what of path `$p`",
            "extract $what from file path `$p`",
            "return $what of `$p` with os.path",
        ),
        "$e",
        {
            "p": PATHS,
            "what e want": (
                ("the file name", "os.path.basename($p)", "'a.tar.gz'"),
                ("the directory", "os.path.dirname($p)", "'/home/bo'"),
                ("the extension", "os.path.splitext($p)[1]", "'.gz'"),
                ("everything but the extension", "os.path.splitext($p)[0]", "'/home/bo/a.tar'"),
            ),
        },
        "result == $want",
        "import os\n$p = '/home/bo/a.tar.gz'",
    ),
    Snippet(
        "base",
        (
            "convert integer `$n` to $what",
            "get $what of number `$n`",
            "format `$n` as $what",
        ),
        "$e",
        {
            "n": ("n", "num", "value", "code", "total"),
            "what e want": (
                ("a binary string without prefix", "format($n, 'b')", "'11111111'"),
                ("a hexadecimal string without prefix", "format($n, 'x')", "'ff'"),
                ("an octal string without prefix", "format($n, 'o')", "'377'"),
                ("a string with thousands separators", "format($n, ',')", "'255'"),
                ("a string padded to 5 digits with zeros", "format($n, '05d')", "'00255'"),
                ("a list of its digits", "[int(c) for c in str($n)]", "[2, 5, 5]"),
                ("the sum of its digits", "sum(int(c) for c in str($n))", "12"),
                ("the number of its digits", "len(str($n))", "3"),
                ("its digits in reverse order", "int(str($n)[::-1])", "552"),
            ),
        },
        "result == $want",
        "$n = 255",
    ),
    Snippet(
        "decimals",
        (
            "format float `$x` with $n",
            "convert `$x` to a string with $n",
            "get `$x` as text rounded to $n",
        ),
        "format($x, '.${k}f')",
        {
            "x": ("x", "price", "ratio", "total", "rate"),
            "n k": (("1 decimal", "1"), ("2 decimals", "2"), ("3 decimals", "3"), ("4 decimals", "4")),
        },
        "abs(float(result) - 2.71828) < 0.1 ** $k and len(result) == 2 + $k",
        "$x = 2.71828",
    ),
    Snippet(
        "date",
        (
            "parse string `$s` in format '$layout' to a datetime",
            "convert date string `$s` like '$layout' to a datetime object",
            "get a datetime from `$s` given as '$layout'",
        ),
        "datetime.strptime($s, '$f')",
        {
            "s": TEXTS,
            "layout f": (
                ("YYYY-MM-DD", "%Y-%m-%d"),
                ("DD.MM.YYYY", "%d.%m.%Y"),
                ("DD/MM/YYYY", "%d/%m/%Y"),
                ("MM/DD/YYYY", "%m/%d/%Y"),
                ("YYYYMMDD", "%Y%m%d"),
                ("YYYY-MM-DD HH:MM", "%Y-%m-%d %H:%M"),
                ("HH:MM:SS", "%H:%M:%S"),
            ),
        },
        "result == want",
        "from datetime import datetime\nwant = datetime.strptime('$f', '$f') if 0 else "
        "datetime(*((1900, 1, 1) if 'Y' not in '$f' else (2023, 4, 5)), "
        "*((6, 7) if '%M' in '$f' else ()), *((8,) if '%S' in '$f' else ()))\n"
        "$s = '$layout'.replace(':MM', ':07').replace('YYYY', '2023').replace('MM', '04')"
        ".replace('DD', '05').replace('HH', '06').replace('SS', '08')",
    ),
    Snippet(
        "date-text",
        (
            "format datetime `$t` as '$layout'",
            "convert datetime `$t` to a string like '$layout'",
            "get datetime `$t` in the format '$layout'",
        ),
        "$t.strftime('$f')",
        {
            "t": ("now", "start", "created", "day", "when"),
            "layout f want": (
                ("YYYY-MM-DD", "%Y-%m-%d", "'2023-04-05'"),
                ("DD.MM.YYYY", "%d.%m.%Y", "'05.04.2023'"),
                ("DD/MM/YYYY", "%d/%m/%Y", "'05/04/2023'"),
                ("MM/DD/YYYY", "%m/%d/%Y", "'04/05/2023'"),
                ("YYYYMMDD", "%Y%m%d", "'20230405'"),
                ("HH:MM", "%H:%M", "'06:07'"),
                ("HH:MM:SS", "%H:%M:%S", "'06:07:08'"),
            ),
        },
        "result == $want",
        "from datetime import datetime\n$t = datetime(2023, 4, 5, 6, 7, 8)",
    ),
    Snippet(
        "print",
        (
            "print the elements of `$a` separated by $name",
            "print list `$a` with $name between the items",
            "output all values in `$a` with $name as separator",
        ),
        "print(*$a, sep='$sep')",
        {
            "a": ("nums", "items", "values", "names", "rows"),
            "name sep": (
                ("a comma", ","),
                ("a comma and a space", ", "),
                ("a newline", "\\n"),
                ("a tab", "\\t"),
                ("a dash", "-"),
                ("nothing", ""),
                ("a semicolon", ";"),
            ),
        },
        "printed == '4$sep' + '2$sep' + '7\\n'",
        "$a = [4, 2, 7]",
    ),
    Snippet(
        "round",
        (
            "round `$x` $how",
            "get the number `$x` rounded $how",
            "return `$x` rounded $how",
        ),
        "$e",
        {
            "x": ("x", "price", "ratio", "amount", "rate"),
            "how e want": (
                ("down to an integer", "math.floor($x)", "27"),
                ("up to an integer", "math.ceil($x)", "28"),
                ("to the nearest integer", "round($x)", "27"),
                ("to 1 decimal", "round($x, 1)", "27.2"),
                ("to 2 decimals", "round($x, 2)", "27.18"),
                ("to the nearest multiple of 5", "5 * round($x / 5)", "25"),
                ("to the nearest multiple of 10", "10 * round($x / 10)", "30"),
            ),
        },
        "result == $want",
        "import math\n$x = 27.1828",
    ),
)
