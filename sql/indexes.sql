-- Built when a file is sealed.
CREATE INDEX IF NOT EXISTS frame_line_function ON frame_line(function);
