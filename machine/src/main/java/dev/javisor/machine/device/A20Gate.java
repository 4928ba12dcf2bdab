package dev.javisor.machine.device;

import dev.javisor.processor.bus.Device;
import dev.javisor.processor.bus.InterruptLine;
import dev.javisor.processor.memory.PhysicalMemory;
import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** The A20 gate: address line 20 passes while the keyboard controller or system control port A opens it. */
public final class A20Gate implements Device {
    private final PhysicalMemory memory;
    private boolean byKeyboardController = true;
    private boolean byPortA;

    public A20Gate(PhysicalMemory memory) {
        this.memory = memory;
    }

    public InterruptLine keyboardControllerInput() {
        return level -> {
            byKeyboardController = level;
            drive();
        };
    }

    public InterruptLine portAInput() {
        return level -> {
            byPortA = level;
            drive();
        };
    }

    private void drive() {
        memory.setA20(byKeyboardController || byPortA);
    }

    @Override
    public void reset() {
        byKeyboardController = true;
        byPortA = false;
        drive();
    }

    @Override
    public void save(StateOutput out) {
        out.putBoolean("byKeyboardController", byKeyboardController);
        out.putBoolean("byPortA", byPortA);
    }

    @Override
    public void load(StateInput in) {
        byKeyboardController = in.getBoolean("byKeyboardController");
        byPortA = in.getBoolean("byPortA");
        drive();
    }
}
