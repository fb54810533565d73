/* What surrounds a recording: limits, sources of names, tools, room in the current folder. A few system calls and one dlopen. */
#include "base/mem.h"
#include "cmd/doctor.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { ROOM_MIN_MB = 256, NOFILE_MIN = 1024 };

static void open_files(struct doctor *d)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	if (r.rlim_max >= NOFILE_MIN)
		doctor_add(d, "open files", DOCTOR_WORKS, "", "%llu now, up to %llu (RLIMIT_NOFILE)", (unsigned long long)r.rlim_cur,
			(unsigned long long)r.rlim_max);
	else
		doctor_add(d, "open files", DOCTOR_LIMITED, "ulimit -n 4096 (as root, or in limits.conf)",
			"at most %llu: a recording of many threads or CPUs may not open", (unsigned long long)r.rlim_max);
}

static void names(struct doctor *d)
{
	void *h;

	if (access("/usr/lib/debug/.build-id", R_OK | X_OK))
		doctor_add(d, "debug files", DOCTOR_LIMITED,
			"install the -dbgsym packages of what you profile, or name a folder with --debug-dir",
			"no /usr/lib/debug/.build-id: stripped programs show only their exported functions");
	else
		doctor_add(d, "debug files", DOCTOR_WORKS, "", "/usr/lib/debug/.build-id");
	h = dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_LOCAL);
	if (h && getenv("DEBUGINFOD_URLS") && getenv("DEBUGINFOD_URLS")[0])
		doctor_add(d, "debuginfod", DOCTOR_WORKS, "",
			"DEBUGINFOD_URLS is set and libdebuginfod is here: symbolize --debuginfod can ask it");
	else
		doctor_add(d, "debuginfod", DOCTOR_LIMITED,
			h ? "export DEBUGINFOD_URLS=URL, your distribution's server (Debian: apt-get install libdebuginfod-common sets it)" : "apt-get install libdebuginfod1",
			"%s: symbolize --debuginfod has nothing to ask",
			h ? "DEBUGINFOD_URLS is not set" : "libdebuginfod.so.1 is not here");
	if (h)
		dlclose(h);
}

static bool on_path(const char *tool)
{
	const char *path = getenv("PATH");
	char file[4096];

	for (size_t len; path && *path; path += len + (path[len] == ':')) {
		len = strcspn(path, ":");
		if (len + strlen(tool) + 2 > sizeof file)
			continue;
		snprintf(file, sizeof file, "%.*s/%s", (int)len, path, tool);
		if (!access(file, X_OK))
			return true;
	}
	return false;
}

static void tools(struct doctor *d)
{
	if (on_path("sqlite3"))
		doctor_add(d, "sqlite3", DOCTOR_WORKS, "", "found: the views of a file can be asked with it");
	else
		doctor_add(d, "sqlite3", DOCTOR_LIMITED, "apt-get install sqlite3", "not on PATH: use `aperture query` instead");
}

static void room(struct doctor *d)
{
	struct statvfs v;
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	AP_AUTO_CLOSE int fd = -1;
	unsigned long long mb;

	if (statvfs(".", &v)) {
		doctor_add(d, "this folder", DOCTOR_MISSING, "go to a folder that you can write, or name one with -o", "statvfs: %s",
			strerror(errno));
		return;
	}
	mb = (unsigned long long)v.f_bavail * v.f_frsize >> 20;
	fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EOPNOTSUPP && errno != EISDIR)
		doctor_add(d, "this folder", DOCTOR_MISSING, "go to a folder that you can write, or name one with -o", "not writable: %s",
			strerror(errno));
	else if (fd >= 0 && fcntl(fd, F_SETLK, &lock))
		doctor_add(d, "this folder", DOCTOR_MISSING, "name a file on a local disk with -o", "the file system cannot lock files: %s",
			strerror(errno));
	else if (mb < ROOM_MIN_MB)
		doctor_add(d, "this folder", DOCTOR_LIMITED,
			"free some room, name another folder with -o, or bound the file with --max-size",
			"%llu MB free: a recording may not fit", mb);
	else
		doctor_add(d, "this folder", DOCTOR_WORKS, "", "writable, %llu MB free", mb);
}

void doctor_environment(struct doctor *d)
{
	open_files(d);
	names(d);
	tools(d);
	room(d);
}
