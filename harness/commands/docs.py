"""`harness docs`: the manual as text, also where no site was built."""

from __future__ import annotations

import click

from harness import cli, completion


@click.command("docs")
@click.argument("page", required=False, shell_complete=completion.pages)
def command(page: str | None) -> None:
    """The page PAGE of the manual as Markdown; without a name the list of pages.

    \b
    harness docs own-data
    harness docs hooks
    """
    from harness import manual_pages
    from harness.errors import unknown

    written, generated = manual_pages.written(), manual_pages.generated()
    names = manual_pages.names()
    if page is None:
        width = max(map(len, names))
        for name in names:
            cli.echo_row(f"{name:{width}}  {written.get(name) or manual_pages.TITLES[name]}")
        return
    name = manual_pages.page_of(page)
    if name in written:
        click.echo((manual_pages.folder() / f"{name}.md").read_text("utf-8").rstrip())
    elif name in names:
        click.echo("\n".join(generated[name.removeprefix(manual_pages.REFERENCE)]()).rstrip())
    else:
        raise unknown("page", page, names, "See: harness docs")
