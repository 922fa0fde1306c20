"""An xlsx file that is the same to the byte for the same workbook: no clock in the archive nor in its properties."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say


def saved(workbook: Any, *, dated: datetime) -> bytes:
    """The workbook's bytes; `dated` stands for both the time it was made and the time it was changed."""
    from openpyxl.writer.excel import ExcelWriter

    loose = io.BytesIO()
    workbook.properties.created = workbook.properties.modified = dated
    with ZipFile(loose, "w", ZIP_STORED, allowZip64=True) as archive:
        ExcelWriter(workbook, archive).write_data()
    return _packed(loose)


def _packed(loose: io.BytesIO) -> bytes:
    """The same archive, compressed, with one fixed time for every member."""
    packed = io.BytesIO()
    with ZipFile(loose) as members, ZipFile(packed, "w", ZIP_DEFLATED, allowZip64=True) as archive:
        for member in members.infolist():
            about = ZipInfo(member.filename, FIRST_MOMENT)
            about.compress_type, about.external_attr = ZIP_DEFLATED, 0o600 << 16
            archive.writestr(about, members.read(member))
    return packed.getvalue()
