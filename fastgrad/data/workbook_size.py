"""How large the table of an .xlsx file is, found before it is read.

The library that reads it makes room for all cells between the first and the last one, of which two
are enough to end the process, and writes out a text as often as cells refer to it.
"""

import io
import re
import zipfile
from collections import Counter
from functools import cache
from typing import Any
from xml.parsers import expat

from .archives import open_member
from .expansion import LimitedReader, check_cells, check_expansion

__all__ = ["check_workbook"]

_PART = 2**20  # bytes that are read at a time
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
_BOOK, _OTHER_BOOKS = "xl/workbook.xml", {"xl/workbook.bin", "content.xml"}  # .xlsb, .ods
_CELLS = b"sheetData"  # the element that they are in


def check_workbook(content: bytes, name: str, n_bytes: int) -> None:
    """Raise ValueError if a workbook is damaged or expands to too much.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        For error messages.
    n_bytes : int
        The size of what it was read from.
    """
    sheets: list[_Sheet] = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        names = {member.filename for member in members}
        if _BOOK not in names or names & _OTHER_BOOKS:
            raise ValueError("no workbook")
        for member in members:
            with open_member(archive, member) as file:
                sheets.append(_Sheet(LimitedReader(file, name, n_bytes)))
    lengths = [length for sheet in sheets for length in sheet.lengths]
    for sheet in sheets:
        check_cells(name, sheet.n_cells, sheet.extent)
        shared = sheet.references.items()
        check_expansion(name, n_bytes, sum(n * lengths[k] for k, n in shared if k < len(lengths)))


class _Sheet:
    """What the XML of a sheet says of its size, or that of the texts that sheets refer to.

    Parameters
    ----------
    file : file
        Any part of a workbook.
    """

    def __init__(self, file: Any) -> None:
        self.n_cells = 0  # with a value
        self.lengths: list[int] = []  # of texts
        self.references: Counter[int] = Counter()  # to texts
        self._rows: set[int] = set()  # with a value
        self._columns: set[int] = set()
        self._row = self._column = 0  # of the last cell that began
        self._element = ""  # that began last
        self._is_reference = False
        self._parse(file)

    @property
    def extent(self) -> int:
        """The cells between the first and the last one."""
        rows, columns = self._rows or {0}, self._columns or {0}
        return (1 + max(rows) - min(rows)) * (1 + max(columns) - min(columns))

    def _parse(self, file: Any) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.CharacterDataHandler = self._begin, self._text
        parser.EntityDeclHandler = self._refuse_entity
        is_xml, is_sheet, before = True, False, b""
        while part := file.read(_PART):
            is_sheet = is_sheet or _CELLS in before + part
            before = part[-len(_CELLS) :]
            try:
                if is_xml:
                    parser.Parse(part)
            except expat.ExpatError:
                is_xml = False  # a picture, for instance
        if is_sheet and not is_xml:
            raise ValueError("a sheet that is no XML")

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        element = self._element = name.rpartition(":")[2]
        if element == "c":
            self._column += 1
            if "r" in attributes:
                self._row, self._column = _place(attributes["r"])
            self._is_reference = attributes.get("t") == "s"
        elif element in ("v", "is"):
            self.n_cells += 1
            self._rows.add(self._row)
            self._columns.add(self._column)
        elif element == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif element == "si":
            self.lengths.append(0)

    def _text(self, text: str) -> None:
        if self._element == "v":
            if self._is_reference and text.isdigit():
                self.references[int(text)] += 1
        elif self.lengths:
            self.lengths[-1] += len(text)

    def _refuse_entity(self, name: str, *_: Any) -> None:
        raise ValueError(f"an entity, {name}, is declared in it")


def _place(reference: str) -> tuple[int, int]:
    """The row and the column of a reference such as AB12."""
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ValueError(f"a cell called {reference}")
    return int(match[2]), _column(match[1])


@cache
def _column(letters: str) -> int:
    column = 0
    for letter in letters.upper():
        column = 26 * column + ord(letter) - ord("A") + 1
    return column
