"""Settings for `collectstatic` in the build of the image: hashed names and a manifest, which it is about to write."""

from controlplane.config.settings import *  # noqa: F403
from controlplane.config.settings import STORAGES

STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
