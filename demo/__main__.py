"""`python -m demo`: serve the replay until Ctrl-C, publishing a new article now and then."""

from __future__ import annotations

import threading

import click

from demo.site import Site


@click.command()
@click.option("--port", default=8801, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--grow", default=60.0, show_default=True, help="Seconds between new articles; 0 publishes none.")
def main(port: int, grow: float) -> None:
    """Replay IRNA, Mehr and the portal of Lorestan on this machine."""
    try:
        with Site(port) as site:
            click.echo(f"DIDBAN_HOSTS='{site.hosts}'")
            while not threading.Event().wait(grow or None):
                article = site.grow().article
                click.echo(f"{article.source}: {article.title}")
    except OSError as error:
        raise click.ClickException(f"cannot listen on port {port}: {error.strerror}") from None
    except KeyboardInterrupt:
        click.echo("stopped")


if __name__ == "__main__":
    main()
