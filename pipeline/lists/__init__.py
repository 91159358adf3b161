"""Lists of line images in the formats that people bring."""
