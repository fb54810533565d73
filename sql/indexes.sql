-- Built when a file is sealed.
CREATE INDEX frame_line_function ON frame_line(function);
