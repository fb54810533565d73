/* The commands. Each takes its own argv (argv[0] is the command's word) and returns the exit code. */
#ifndef AP_CMD_CMD_H
#define AP_CMD_CMD_H

int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_query(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_symbolize(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

enum { AP_EXIT_FAILED = 1, AP_EXIT_USAGE = 2 };

#endif
