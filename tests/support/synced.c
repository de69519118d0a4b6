/* Notes what a folder holds each time one of its files, or the folder itself, is synced: all that a power cut leaves.
 *
 * Preloaded into a process (LD_PRELOAD). SYNCED_FOLDER is the folder, SYNCED_LOG the file that the notes are appended
 * to. A note of a file has the pages that changed since its note before; one of the folder has its names. The bytes
 * are taken before the sync begins: what is written during it counts as lost. tests/support/power_cut.py reads them.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, FILES_MAX = 4096, OF_FILE = 1, OF_FOLDER = 2 };

struct note {
    uint64_t kind, id, size, pages;
};

/* What is known of a file since its last note. */
struct known {
    uint64_t id, size;
    char *data;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct known files[FILES_MAX];
static int files_count, log_descriptor = -1;
static char folder[PATH_MAX];

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("SYNCED_LOG"), *name = getenv("SYNCED_FOLDER");
    if (path && name && realpath(name, folder))
        log_descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void append(const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        ssize_t written = write(log_descriptor, at, size);
        if (written <= 0)
            abort();
        at += written, size -= written;
    }
}

/* An inode has another number each time it is used again. */
static uint64_t id_of(int descriptor) {
    struct statx about;
    if (statx(descriptor, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &about))
        return 0;
    return about.stx_ino * 1000003u ^ ((uint64_t)about.stx_btime.tv_sec * 1000000000u + about.stx_btime.tv_nsec);
}

static struct known *known_of(uint64_t id) {
    for (int at = 0; at < files_count; at++)
        if (files[at].id == id)
            return &files[at];
    if (files_count == FILES_MAX)
        abort();
    files[files_count].id = id;
    return &files[files_count++];
}

static void note_file(int descriptor) {
    struct stat about;
    if (fstat(descriptor, &about))
        return;
    struct known *known = known_of(id_of(descriptor));
    char *now = calloc(about.st_size / PAGE + 1, PAGE);
    if (!now)
        abort();
    /* Another thread may make it shorter meanwhile. */
    ssize_t there = pread(descriptor, now, about.st_size, 0);
    uint64_t size = there > 0 ? there : 0, pages = (size + PAGE - 1) / PAGE, changed = 0;
    uint64_t before = (known->size + PAGE - 1) / PAGE;
    for (uint64_t at = 0; at < pages; at++)
        changed += at >= before || memcmp(now + at * PAGE, known->data + at * PAGE, PAGE);
    append(&(struct note){OF_FILE, known->id, size, changed}, sizeof(struct note));
    for (uint64_t at = 0; at < pages; at++)
        if (at >= before || memcmp(now + at * PAGE, known->data + at * PAGE, PAGE)) {
            append(&at, sizeof at);
            append(now + at * PAGE, PAGE);
        }
    free(known->data);
    known->data = now, known->size = size;
}

static void note_folder(void) {
    char names[65536];
    size_t size = 0;
    DIR *directory = opendir(folder);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        int descriptor = openat(dirfd(directory), entry->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (entry->d_type == DT_REG && size + NAME_MAX + 32 < sizeof names)
            size += sprintf(names + size, "%llu %s\n", (unsigned long long)id_of(descriptor), entry->d_name);
        close(descriptor);
    }
    if (directory)
        closedir(directory);
    append(&(struct note){OF_FOLDER, 0, size, 0}, sizeof(struct note));
    append(names, size);
}

static void note(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    size_t length = strlen(folder);
    if (log_descriptor < 0 || size < 0)
        return;
    path[size] = 0;
    if (!strcmp(path, folder))
        note_folder();
    else if (!strncmp(path, folder, length) && path[length] == '/' && !strchr(path + length + 1, '/'))
        note_file(descriptor);
}

static int synced(const char *name, int descriptor) {
    int (*call)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    pthread_mutex_lock(&lock);
    note(descriptor);
    int result = call(descriptor);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int descriptor) { return synced("fsync", descriptor); }

int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }
