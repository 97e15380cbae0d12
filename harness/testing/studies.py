"""What a study has to keep: every run can be asked for, and the report can be made before any of them was run."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from harness.config import Settings
from harness.plugin_system.registry import PluginEntry
from harness.report.exhibits import Exhibit, StudyResults, find_maker
from harness.report.results import CellResult
from harness.studies.study import Cell, StudyFile, load
from harness.testing.contract import PluginContract


class StudyContract(PluginContract):
    """Checks of the study `name`."""

    kind: ClassVar[str] = "study"

    @cached_property
    def file(self) -> StudyFile:
        """The study's file, read."""
        assert isinstance(self.plugin.text(), str), "text() does not return a text"
        return load(self.name, self.registry)

    @property
    def kinds(self) -> list[bool]:
        """The variants that the study has: False for its own grids, True for the built-in ones."""
        return [builtin for builtin in (False, True) if self.file.grids["builtin" if builtin else "grid"]]

    def test_it_says_what_it_asks(self) -> None:
        """its file says in `title` and `about` what it asks"""
        assert self.file.title != self.file.name, "its file has no title"
        assert self.file.about, "its file has no `about`"

    def test_every_run_can_be_asked_for(self) -> None:
        """every method, task, metric and option that its grids name is there"""
        for cell in {cell for builtin in self.kinds for cell in self.file.cells(builtin=builtin)}:
            self._asked_for(cell)

    def _asked_for(self, cell: Cell) -> None:
        request = cell.request
        settings = Settings(cell.sets, environ={}, file=self.scratch / "none.toml")
        entries: list[PluginEntry[Any]] = [self.registry.task(request.task)]
        entries += [self.registry.method(part) for part in request.method.split("+")]
        entries += [self.registry.metric(name) for name in request.metrics]
        for entry in entries:
            settings.config(entry.name, entry.plugin.Config)

    def test_its_exhibits_can_be_made_before_anything_was_run(self) -> None:
        """every table and figure that it shows can be made when nothing was run, and says so"""
        # Without grids the built-in variant is the one that needs nothing from the hub.
        for builtin in self.kinds or [True]:
            cells = self.file.cells(builtin=builtin) if self.kinds else ()
            missing = [CellResult(cell, None, None, "not run") for cell in cells]
            results = StudyResults(missing, self.registry, builtin=builtin, tokenizer=self.file.tokenizer)
            for name in self.file.shows:
                _check(name, find_maker(name, self.file, self.registry)[1](results))


def _check(name: str, exhibit: object) -> None:
    assert isinstance(exhibit, Exhibit), (
        f"{name} is an object of the type {type(exhibit).__name__}, which is no Exhibit"
    )
    for line in exhibit.lines:
        names, values = len(line.names), len(line.values)
        assert (names, values) == (len(exhibit.heads), len(exhibit.columns)), (
            f"{name}: a line has {names} names and {values} values for {len(exhibit.heads)} heads and "
            f"{len(exhibit.columns)} columns"
        )
    published = any(value.published is not None for line in exhibit.lines for value in line.values)
    assert exhibit.source or not published, f"{name} has published values and no `source`"
