package dev.javisor.machine.device;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** PS/2 keyboard (IBM "Keyboard and Auxiliary Device Controller", commands to the keyboard). Its keys speak scan code set 2. */
public final class Ps2Keyboard extends Ps2Device {
    private static final int SET_LEDS = 0xED;
    private static final int ECHO = 0xEE;
    private static final int SCAN_CODE_SET = 0xF0;
    private static final int IDENTIFY = 0xF2;
    private static final int SET_RATE = 0xF3;
    private static final int ENABLE = 0xF4;
    private static final int DISABLE = 0xF5;
    private static final int SET_DEFAULT = 0xF6;
    private static final int RESET = 0xFF;

    private static final int SET_2 = 2;

    private boolean scanning = true;
    private int leds;
    private int rate = 0x2B;

    /** A key goes down or up: its bytes of scan code set 2. Lost while the host has scanning disabled or the buffer is full. */
    public void key(int... scanCode) {
        if (scanning) {
            event(scanCode);
        }
    }

    /** Bit 0 scroll lock, 1 num lock, 2 caps lock. */
    public int leds() {
        return leds;
    }

    void reset() {
        clear();
        command = 0;
        leds = 0;
        setDefault();
    }

    private void setDefault() {
        rate = 0x2B;
        scanning = true;
    }

    @Override
    void command(int value) {
        switch (value) {
            case SET_LEDS, SCAN_CODE_SET, SET_RATE -> {
                command = value;
                reply(ACKNOWLEDGE);
            }
            case ECHO -> reply(ECHO);
            case IDENTIFY -> reply(ACKNOWLEDGE, 0xAB, 0x83);
            case ENABLE -> {
                scanning = true;
                reply(ACKNOWLEDGE);
            }
            case DISABLE -> {
                setDefault();
                scanning = false;
                reply(ACKNOWLEDGE);
            }
            case SET_DEFAULT -> {
                setDefault();
                reply(ACKNOWLEDGE);
            }
            case RESET -> {
                reset();
                reply(ACKNOWLEDGE, SELF_TEST_PASSED);
            }
            default -> reply(RESEND);
        }
    }

    @Override
    void parameter(int forCommand, int value) {
        switch (forCommand) {
            case SET_LEDS -> {
                leds = value & 7;
                reply(ACKNOWLEDGE);
            }
            case SET_RATE -> {
                rate = value & 0x7F;
                reply(ACKNOWLEDGE);
            }
            default -> {
                switch (value) {
                    case 0 -> reply(ACKNOWLEDGE, SET_2);
                    case SET_2 -> reply(ACKNOWLEDGE);
                    default -> reply(RESEND);
                }
            }
        }
    }

    @Override
    public void save(StateOutput out) {
        super.save(out);
        out.putInts("keyboard", new int[] {scanning ? 1 : 0, leds, rate});
    }

    @Override
    public void load(StateInput in) {
        super.load(in);
        int[] v = new int[3];
        in.getInts("keyboard", v);
        scanning = v[0] != 0;
        leds = v[1];
        rate = v[2];
    }
}
