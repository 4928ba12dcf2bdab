package dev.javisor.cli;

import picocli.CommandLine.Command;

/** {@code javisor stat}: VM exits by reason. */
@Command(
        name = "stat",
        sortOptions = false,
        description = "Runs a guest as run does, and counts VM exits by reason: of the guest of Javisor's hypervisor, or on the metal of"
                + " the guest's own guests.",
        footer = {
            "",
            "Takes the options of run. For each reason: exits; how many of them came during the delivery of an",
            "event; instructions up to the next entry, which on the metal are those of the guest's hypervisor",
            "and on the hypervisor those that it emulates; and, measured, the host's processor time up to the",
            "next entry, devices included."
        })
final class StatCommand extends RunCommand {
    @Override
    public Integer call() {
        ExitStatistics statistics = new ExitStatistics();
        int status = prepare().trace(statistics).run();
        statistics.print(javisor.err);
        return status;
    }
}
