package dev.javisor.cli;

import dev.javisor.isa.UnknownCpuException;
import dev.javisor.machine.boot.BadImageException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;

/** {@code javisor}. */
@Command(
        name = "javisor",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        scope = CommandLine.ScopeType.INHERIT,
        description = "An x86 PC in Java, deterministic to the instruction.",
        subcommands = {
            RunCommand.class, DiffCommand.class, TraceCommand.class, StatCommand.class, ExperimentCommand.class, DemoCommand.class,
            CpuCommand.class, DisasmCommand.class, ExplainCommand.class
        })
public final class Main implements Runnable {
    final PrintStream out;
    final PrintStream err;

    private Main(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    public static void main(String[] args) {
        System.exit(execute(args, new FileOutputStream(FileDescriptor.out), System.err));
    }

    /** Runs a command as {@link #main} does, without ending the Java machine; returns its exit status. */
    public static int execute(String[] args, OutputStream standard, PrintStream err) {
        StandardOutput watched = new StandardOutput(standard);
        PrintStream out = new PrintStream(watched, true, System.out.charset());
        CommandLine line = new CommandLine(new Main(out, err));
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        line.setParameterExceptionHandler(Main::wrongUsage);
        line.setExecutionExceptionHandler((e, command, result) -> report(e, err));
        int status;
        try {
            status = line.execute(args);
        } catch (Error e) {
            return report(e, err);
        }
        if (out.checkError()) {
            if (watched.isClosed()) {
                return ExitStatus.PIPE_CLOSED;
            }
            err.println("javisor: standard output: cannot be written");
            return status == ExitStatus.OK ? ExitStatus.USER_ERROR : status;
        }
        return status;
    }

    @Override
    public void run() {
        throw new UserException("name a command; javisor --help lists them");
    }

    private static int wrongUsage(ParameterException e, String[] args) {
        e.getCommandLine().getErr().println("javisor: " + firstLine(e.getMessage()));
        return ExitStatus.USER_ERROR;
    }

    /** One line for what went wrong; the stack trace only when somebody wants to find an error in Javisor. */
    static int report(Throwable e, PrintStream err) {
        if (e instanceof PipeClosedException) {
            return ExitStatus.PIPE_CLOSED;
        }
        if (e instanceof OutOfMemoryError) {
            err.println("javisor: not enough memory: " + firstLine(e.getMessage()));
            return ExitStatus.USER_ERROR;
        }
        if (e instanceof UserException || e instanceof BadImageException || e instanceof UnknownCpuException) {
            err.println("javisor: " + firstLine(e.getMessage()));
            return ExitStatus.USER_ERROR;
        }
        err.println("javisor: internal error: " + e + (System.getenv("JAVISOR_DEBUG") == null ? " (JAVISOR_DEBUG=1 shows where)" : ""));
        if (System.getenv("JAVISOR_DEBUG") != null) {
            e.printStackTrace(err);
        }
        return ExitStatus.INTERNAL_ERROR;
    }

    private static String firstLine(String s) {
        return s == null ? "" : s.lines().findFirst().orElse("");
    }
}
