"""Django looks these names up by itself (`FORMAT_MODULE_PATH`)."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y H:i:s"
