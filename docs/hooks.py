"""What MkDocs does beside reading pages: notebooks become pages, what lies or begins elsewhere gets its place."""

from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

SHIPPED = "../vdsr_eval/networks/default/"  # as pages link to it, and as it is found in the repository
SCORES = "The scores of the network that comes with the toolkit"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the shipped network's curves, a heading to its scores, and the notebooks with the outputs that they store."""
    docs = Path(config.docs_dir)
    for picture in sorted((docs / SHIPPED).resolve().glob("*.png")):
        files.append(File.generated(config, f"default/{picture.name}", abs_src_path=str(picture)))
    scores = files.src_uris["default-scores.md"]  # begins like metadata, which MkDocs would take away
    files.remove(scores)
    files.append(File.generated(config, scores.src_uri, content=f"# {SCORES}\n\n{scores.content_string}"))
    for path in sorted(docs.glob("notebooks/*.ipynb")):
        page, resources = MarkdownExporter().from_notebook_node(nbformat.read(path, as_version=4))
        for name, content in resources["outputs"].items():
            page = page.replace(f"({name})", f"({path.stem}-{name})")
            files.append(File.generated(config, f"notebooks/{path.stem}-{name}", content=content))
        link = f"[Download this notebook]({path.name})\n"
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=f"{page}\n{link}"))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Let links to the shipped network's curves stay in the documentation."""
    return markdown.replace(SHIPPED, "default/")
