package dev.javisor.machine.device;

import dev.javisor.processor.state.StateInput;
import dev.javisor.processor.state.StateOutput;

/** PS/2 mouse with three buttons (IBM "Keyboard and Auxiliary Device Controller", commands to the auxiliary device). */
public final class Ps2Mouse extends Ps2Device {
    private static final int SCALING_1 = 0xE6;
    private static final int SCALING_2 = 0xE7;
    private static final int SET_RESOLUTION = 0xE8;
    private static final int STATUS = 0xE9;
    private static final int STREAM_MODE = 0xEA;
    private static final int READ_DATA = 0xEB;
    private static final int RESET_WRAP = 0xEC;
    private static final int WRAP_MODE = 0xEE;
    private static final int REMOTE_MODE = 0xF0;
    private static final int IDENTIFY = 0xF2;
    private static final int SET_RATE = 0xF3;
    private static final int ENABLE = 0xF4;
    private static final int DISABLE = 0xF5;
    private static final int SET_DEFAULT = 0xF6;
    private static final int RESET = 0xFF;

    private static final int DEVICE = 0;

    private boolean remote, wrap, enabled, doubled;
    private int resolution = 2, rate = 100;
    private int buttons, dx, dy;

    /**
     * Movement since the last call, right and up positive, and buttons (bit 0 left, 1 right, 2 middle). Movement that does not fit into a
     * packet waits for the next one.
     */
    public void move(int right, int up, int newButtons) {
        boolean moved = right != 0 || up != 0 || newButtons != buttons;
        dx += right;
        dy += up;
        buttons = newButtons & 7;
        if (moved && enabled && !remote && !wrap) {
            int beforeX = dx;
            int beforeY = dy;
            if (!event(packet())) {
                dx = beforeX;
                dy = beforeY;
            }
        }
    }

    private int[] packet() {
        int x = Math.clamp(dx, -256, 255);
        int y = Math.clamp(dy, -256, 255);
        dx -= x;
        dy -= y;
        return new int[] {8 | buttons | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0), x & 0xFF, y & 0xFF};
    }

    void reset() {
        clear();
        command = 0;
        setDefault();
        buttons = 0;
    }

    private void setDefault() {
        remote = wrap = enabled = doubled = false;
        resolution = 2;
        rate = 100;
        dx = dy = 0;
    }

    @Override
    void command(int value) {
        if (wrap && value != RESET && value != RESET_WRAP) {
            reply(value);
            return;
        }
        switch (value) {
            case SET_RESOLUTION, SET_RATE -> {
                command = value;
                reply(ACKNOWLEDGE);
            }
            case SCALING_1, SCALING_2 -> {
                doubled = value == SCALING_2;
                reply(ACKNOWLEDGE);
            }
            case STATUS -> reply(ACKNOWLEDGE, status(), resolution, rate);
            case STREAM_MODE, REMOTE_MODE -> {
                remote = value == REMOTE_MODE;
                reply(ACKNOWLEDGE);
            }
            case READ_DATA -> {
                int[] p = packet();
                reply(ACKNOWLEDGE, p[0], p[1], p[2]);
            }
            case WRAP_MODE, RESET_WRAP -> {
                wrap = value == WRAP_MODE;
                reply(ACKNOWLEDGE);
            }
            case IDENTIFY -> reply(ACKNOWLEDGE, DEVICE);
            case ENABLE, DISABLE -> {
                enabled = value == ENABLE;
                reply(ACKNOWLEDGE);
            }
            case SET_DEFAULT -> {
                setDefault();
                reply(ACKNOWLEDGE);
            }
            case RESET -> {
                reset();
                reply(ACKNOWLEDGE, SELF_TEST_PASSED, DEVICE);
            }
            default -> reply(RESEND);
        }
    }

    private int status() {
        int b = buttons << 2 & 4 | buttons >>> 1 & 1 | buttons >>> 1 & 2;
        return b | (doubled ? 0x10 : 0) | (enabled ? 0x20 : 0) | (remote ? 0x40 : 0);
    }

    @Override
    void parameter(int forCommand, int value) {
        if (wrap) {
            reply(value);
            return;
        }
        if (forCommand == SET_RATE) {
            rate = value;
        } else {
            resolution = value & 3;
        }
        reply(ACKNOWLEDGE);
    }

    @Override
    public void save(StateOutput out) {
        super.save(out);
        int modes = (remote ? 1 : 0) | (wrap ? 2 : 0) | (enabled ? 4 : 0) | (doubled ? 8 : 0);
        out.putInts("mouse", new int[] {modes, resolution, rate, buttons, dx, dy});
    }

    @Override
    public void load(StateInput in) {
        super.load(in);
        int[] v = new int[6];
        in.getInts("mouse", v);
        remote = (v[0] & 1) != 0;
        wrap = (v[0] & 2) != 0;
        enabled = (v[0] & 4) != 0;
        doubled = (v[0] & 8) != 0;
        resolution = v[1];
        rate = v[2];
        buttons = v[3];
        dx = v[4];
        dy = v[5];
    }
}
