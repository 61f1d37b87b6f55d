"""How much an import may take, each with its reason. What is more is refused with the number that was found."""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

MAX_UNPACKED_BYTES = 20 * GIB  # ImageNet-sized sets are to be given as folders; a bomb reaches any bound at once
MAX_UNPACK_RATIO = 200  # real archives of text reach about 30; deflate itself ends at 1,032
MIN_BOMB_BYTES = 100 * MIB  # below this a high ratio harms nobody (an archive of empty tables)
MAX_FILES = 500_000  # IMDb unpacks to 100,000 files; more than this exhausts the inodes of small disks
MAX_COLUMNS = 2_048  # a form, a profile and an encoder each hold something for every column
MAX_CELL_CHARS = 4_000_000  # one cell longer than a book is an unclosed quote
MAX_IMAGE_PIXELS = 64_000_000  # a 64-megapixel photo is 192 MB once decoded; larger ones are bombs or scans to be cut
MAX_ARRAY_BYTES = 8 * GIB  # arrays of NPZ and IDX files, unpacked
MAX_STACKED_BYTES = 4 * GIB  # equal-sized images up to this are kept decoded in one file, quick to read
MAX_STACKED_SIDE_PX = 128  # larger images stay the (much smaller) files they came as
MAX_EXCEL_BYTES = 200 * MIB  # a workbook is read cell by cell in Python
MAX_JSON_BYTES = 256 * MIB  # a single JSON document is read whole and takes about ten times its size
MAX_FILE_WARNINGS = 5  # names listed in one warning

CHILD_MEMORY_BYTES = 4 * GIB  # resident memory of the child process; DuckDB itself keeps to DUCKDB_MEMORY
CHILD_TIMEOUT_S = 2 * 3600.0  # a 20 GiB archive on a slow disk
DUCKDB_MEMORY = "192MB"  # a 1.4 GB table is to be imported in 0.4 GB together with Python and the libraries
RESERVED_DISK_BYTES = 200 * MIB  # left free for the store, which must be able to write the failure
LARGE_TABLE_ROWS = 1_000_000  # beyond this, distinct values are estimated (HyperLogLog) and texts looked at in a sample
