"""The applier: what git apply says of a patch on a commit of the store, without a work tree."""

from backport.check.applier import CheckResult, check
from backport.check.preimage import Preimages, in_context, preimages

__all__ = ["CheckResult", "Preimages", "check", "in_context", "preimages"]
