"""The commits that the remote does not have, as a git bundle."""

from __future__ import annotations

from elsewhere.capture.repository import Repository
from elsewhere.capture.size import in_words
from elsewhere.contract.errors import BundleTooLarge, CaptureError


def make_bundle(repository: Repository, limit: int) -> bytes | None:
    """Bundle what leads to HEAD and is not on the remote; None where the remote has it all.

    What the remote has is what its remote-tracking branches say. Its one reference is ``HEAD``;
    no reference of the user's repository is made or moved. Without a remote it holds the whole history.

    Args:
        repository: one with a commit.
        limit: bytes that the bundle may have.

    Raises:
        BundleTooLarge: it would be larger.
        CaptureError: the history is cut (a shallow clone) and no remote has the rest.
    """
    if repository.remote is None and repository.shallow_boundary:
        raise CaptureError(
            f"{repository.root} is a shallow clone without a remote: its older commits are not here, "
            "so its history cannot be rebuilt elsewhere",
            "Add the remote that it came from (`git remote add origin URL`), then submit again.",
        )
    known = _known_to_the_remote(repository)
    if not repository.git.read("rev-list", "--max-count=1", "HEAD", *known).strip():
        return None
    bundle = repository.git.read_up_to(limit, "bundle", "create", "--quiet", "-", "HEAD", *known)
    if bundle is None:
        raise _too_large(repository, known, limit)
    head, _, _ = bundle.partition(b"\n\n")
    if f"{repository.commit} HEAD" not in head.decode(errors="replace").splitlines():
        raise CaptureError(
            f"HEAD of {repository.root} moved while it was captured", "Submit again when git is at rest."
        )
    return bundle


def unpushed_objects(repository: Repository) -> frozenset[str] | None:
    """Hashes of all that leads to HEAD and is not on the remote; None means everything.

    Raises:
        CaptureError: git cannot tell.
    """
    if repository.remote is None:
        return None
    lines = repository.git.read("rev-list", "--objects", "HEAD", *_known_to_the_remote(repository))
    return frozenset(line.split(b" ", 1)[0].decode() for line in lines.splitlines())


def _known_to_the_remote(repository: Repository) -> list[str]:
    if repository.remote is None:
        return []
    # The other machine fetches from one remote: what only another one has must travel. References
    # that belong to no configured remote (CI systems make such) are taken to be of this one.
    others = [f"--exclude={name}/*" for name in repository.other_remotes]
    # A clone is only ever cut at commits that its remote has, whether or not a branch there says so.
    return ["--not", *others, "--remotes", *repository.shallow_boundary]


def _too_large(repository: Repository, known: list[str], limit: int) -> BundleTooLarge:
    answer = repository.git.run("rev-list", "--disk-usage", "--objects", "HEAD", *known)
    count = repository.git.read("rev-list", "--count", "HEAD", *known).decode().strip()
    usage = f", about {in_words(int(answer.output))}," if answer.status == 0 else ""
    where = f"remote {repository.remote.name!r} does not have" if repository.remote else "no remote has"
    step = "Push them" if repository.remote else "Add a remote and push them"
    return BundleTooLarge(
        f"{count} commits of {repository.root}{usage} that {where} would make a bundle over the limit of "
        f"{in_words(limit)}",
        f"{step}, or raise ELSEWHERE_BUNDLE_LIMIT (bytes).",
    )
