INSERT INTO host(id, key, name, os, kernel, arch, cpus, cpu_model, memory_bytes)
VALUES (1, :key, :name, :os, :kernel, :arch, :cpus, :cpu_model, :memory_bytes);
