package dev.javisor.processor.core;

import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.SerializedLambda;
import java.lang.reflect.AccessFlag;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

/** Makes {@link Executor}s: for a handler that is a reference to a static method, a class of its own that calls the method directly. */
final class Executors {
    private static final ClassDesc EXECUTOR = Executor.class.describeConstable().orElseThrow();
    private static final MethodTypeDesc SEMANTICS = MethodTypeDesc.of(
            ConstantDescs.CD_void, Cpu.class.describeConstable().orElseThrow(), Op.class.describeConstable().orElseThrow());

    /** One for each method reference in the program text: its class has no state. */
    private static final ClassValue<Slot> SLOTS = new ClassValue<>() {
        @Override
        protected Slot computeValue(Class<?> type) {
            return new Slot();
        }
    };

    private static final class Slot {
        volatile Executor executor;
    }

    /** Calls a handler that cannot be called directly: a lambda with captured values. */
    private static final class Indirect extends Executor {
        private final Handler handler;

        Indirect(Handler handler) {
            this.handler = handler;
        }

        @Override
        public void execute(Cpu c, Op o) {
            handler.execute(c, o);
        }

        @Override
        public boolean isExtended() {
            return handler instanceof ExtendedHandler;
        }
    }

    private Executors() {}

    static Executor of(Handler h) {
        Slot slot = SLOTS.get(h.getClass());
        Executor e = slot.executor;
        if (e == null) {
            e = make(h);
            if (!(e instanceof Indirect)) {
                slot.executor = e;
            }
        }
        return e;
    }

    private static Executor make(Handler h) {
        try {
            Method replace = h.getClass().getDeclaredMethod("writeReplace");
            replace.setAccessible(true);
            SerializedLambda lambda = (SerializedLambda) replace.invoke(h);
            if (lambda.getCapturedArgCount() != 0) {
                return new Indirect(h);
            }
            return direct(lambda);
        } catch (NoSuchMethodException e) {
            return new Indirect(h);
        } catch (InvocationTargetException | IllegalAccessException | InstantiationException | ClassNotFoundException e) {
            throw new IllegalStateException("cannot call " + h, e);
        }
    }

    private static Executor direct(SerializedLambda lambda)
            throws ClassNotFoundException, IllegalAccessException, InvocationTargetException, InstantiationException,
            NoSuchMethodException {
        String owner = lambda.getImplClass().replace('/', '.');
        Class<?> host = Class.forName(owner, false, Executors.class.getClassLoader());
        byte[] bytes = ClassFile.of().build(ClassDesc.of(owner + "$$" + lambda.getImplMethodName()), type -> type
                .withFlags(AccessFlag.FINAL, AccessFlag.SYNTHETIC)
                .withSuperclass(EXECUTOR)
                .withMethodBody(ConstantDescs.INIT_NAME, ConstantDescs.MTD_void, ClassFile.ACC_PUBLIC, code -> code
                        .aload(0)
                        .invokespecial(EXECUTOR, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                        .return_())
                .withMethodBody("execute", SEMANTICS, ClassFile.ACC_PUBLIC, code -> code
                        .aload(1)
                        .aload(2)
                        .invokestatic(ClassDesc.of(owner), lambda.getImplMethodName(), SEMANTICS)
                        .return_()));
        Constructor<?> made = MethodHandles.privateLookupIn(host, MethodHandles.lookup())
                .defineHiddenClass(bytes, true, MethodHandles.Lookup.ClassOption.NESTMATE)
                .lookupClass()
                .getDeclaredConstructor();
        made.setAccessible(true);
        return (Executor) made.newInstance();
    }
}
