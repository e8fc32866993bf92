"""Members of zip archives, of the two kinds of compression that expand step by step."""

import zipfile
import zlib
from typing import IO

__all__ = ["ZIP_ERRORS", "open_member"]

#: What the library raises for archives that are damaged, encrypted or of a later version.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


def open_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member for reading; one of `ZIP_ERRORS` if it cannot be read.

    bz2 and LZMA, which hardly any writer chooses, may expand to gigabytes in one read.
    """
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError("compressed in a way that is not known")
    return archive.open(member)
