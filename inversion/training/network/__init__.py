"""Networks: drawn data, a large teacher, a small student, compression, export. Off the box, with the `train` extra."""
