package dev.javisor.cli;

import dev.javisor.machine.Machine;
import dev.javisor.machine.MachineConfiguration;
import dev.javisor.machine.console.Script;

/** A machine at power-on with whoever types on it, and its drives. Closing it closes them too. */
final class ScriptedMachine implements AutoCloseable {
    private final Machine machine;

    /** @param console that the script types on */
    ScriptedMachine(MachineConfiguration configuration, Script script, int console) {
        machine = new Machine(configuration);
        script.start(machine.input(console)::add);
    }

    Machine machine() {
        return machine;
    }

    @Override
    public void close() {
        machine.close();
        machine.configuration().closeFiles();
    }
}
