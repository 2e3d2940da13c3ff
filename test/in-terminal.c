/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a program on a terminal of its own and talks to it:
 *
 *	in-terminal WORD... -- PROGRAM ARGUMENT...
 *
 * WORD is expect=TEXT (wait until the program has written it, behind what was
 * expected before), type=TEXT (^X is Ctrl-X), size=ROWSxCOLUMNS, kill=SIGNAL, or
 * raw (the terminal must be that). At the end it must be
 * cooked as at the start. What the program writes goes to stdout. Exits with
 * the program's status, 128 + N for signal N, 99 when something was not as it
 * should be, told on stderr. Who calls bounds the time.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

struct talk {
	int master, keep;		/* keep: the slave, whose modes are asked for */
	char text[1 << 20];		/* what came */
	size_t len, at;			/* at: behind what was expected */
	pid_t pid;
};

static struct talk talk;

static void fail(const char *what, const char *word)
{
	fprintf(stderr, "in-terminal: %s: %s\n", what, word);
	if (talk.pid > 0)
		kill(talk.pid, SIGKILL);
	exit(99);
}

/* False at the end of the program's output. */
static int take(void)
{
	ssize_t n;

	if (talk.len == sizeof(talk.text) - 1)
		fail("too much output", "");
	do
		n = read(talk.master, talk.text + talk.len, sizeof(talk.text) - 1 - talk.len);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	fwrite(talk.text + talk.len, 1, (size_t)n, stdout);
	fflush(stdout);
	talk.len += (size_t)n;
	return 1;
}

static int lives(void)
{
	siginfo_t si = { 0 };

	waitid(P_PID, (id_t)talk.pid, &si, WEXITED | WNOHANG | WNOWAIT);
	return si.si_pid == 0;
}

static int wait_some(void)
{
	struct pollfd p = { .fd = talk.master, .events = POLLIN };

	/* the end of the program is no end of file here: we keep its terminal open */
	return poll(&p, 1, 100) > 0 ? take() : lives();
}

static void expect(const char *text)
{
	char *found;

	/* text only, so that strings will do; NULs are none */
	while (!(found = strstr(talk.text + talk.at, text)))
		if (!wait_some())
			fail("did not come", text);
	talk.at = (size_t)(found - talk.text) + strlen(text);
}

static void type(const char *text)
{
	for (; *text; text++) {
		char c = *text;

		if (c == '^' && text[1])
			c = *++text & 0x1f;
		if (write(talk.master, &c, 1) != 1)
			fail("cannot type", text);
	}
}

static void resize(const char *text)
{
	struct winsize size = { 0 };

	if (sscanf(text, "%hux%hu", &size.ws_row, &size.ws_col) != 2 ||
	    ioctl(talk.master, TIOCSWINSZ, &size) < 0)
		fail("cannot be the size", text);
}

static int is_raw(void)
{
	struct termios tio;

	if (tcgetattr(talk.keep, &tio) < 0)
		fail("cannot be asked", "terminal");
	return !(tio.c_lflag & ICANON);
}

/*
 * Whoever puts it right after a crash may need a moment, and no event tells of a change of
 * modes: look again and again. The caller's bound ends this.
 */
static void await_cooked(void)
{
	while (is_raw())
		poll(NULL, 0, 10);
}

static const char *value(const char *word, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(word, name, n) && word[n] == '=' ? word + n + 1 : NULL;
}

static void act(const char *word)
{
	const char *v;

	if ((v = value(word, "expect")))
		expect(v);
	else if ((v = value(word, "type")))
		type(v);
	else if ((v = value(word, "size")))
		resize(v);
	else if ((v = value(word, "kill")))
		kill(talk.pid, atoi(v));
	else if (!strcmp(word, "raw")) {
		if (!is_raw())
			fail("the terminal is not", word);
	} else {
		fail("no such word", word);
	}
}

static void start(char **argv)
{
	const struct winsize size = { .ws_row = 33, .ws_col = 77 };
	int slave;

	if (openpty(&talk.master, &slave, NULL, NULL, &size) < 0)
		fail("no terminal", "");
	talk.keep = slave;
	talk.pid = fork();
	if (talk.pid == 0) {
		close(talk.master);
		if (login_tty(slave) == 0)
			execvp(argv[0], argv);
		_exit(127);
	}
	if (talk.pid < 0)
		fail("fork", argv[0]);
}

int main(int argc, char **argv)
{
	int words = 1, status;

	while (words < argc && strcmp(argv[words], "--"))
		words++;
	if (words + 1 >= argc)
		return 64;
	start(argv + words + 1);
	for (int i = 1; i < words; i++)
		act(argv[i]);
	while (wait_some())
		;
	waitpid(talk.pid, &status, 0);
	await_cooked();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
