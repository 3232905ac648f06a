"""Forms of literals, variables, parameters, special registers and directives: PTX ISA 4 to 7, 10, 11."""

from forms import KIND_OF, PARAMS, add, body, entry, module, row


def special_registers():
    def read(names, ty="u32", **options):
        row("10", "special registers")
        for name in names:
            body(f"mov.{ty} {name}", f"mov.{ty} %{KIND_OF[ty]}0, {name};", **options)
    vectors = ("%tid", "%ntid", "%ctaid", "%nctaid", "%clusterid", "%nclusterid", "%cluster_ctaid", "%cluster_nctaid")
    read(f"{v}.{c}" for v in vectors for c in "xyz")
    read(["%laneid", "%warpid", "%nwarpid", "%smid", "%nsmid", "%cluster_ctarank", "%cluster_nctarank"])
    read(f"%lanemask_{c}" for c in ("eq", "le", "lt", "ge", "gt"))
    read(["%clock", "%clock_hi", "%globaltimer_lo", "%globaltimer_hi", "%total_smem_size", "%aggr_smem_size",
        "%dynamic_smem_size", "%gridid"])
    read(["%clock64", "%globaltimer", "%gridid", "%current_graph_exec"], "u64")
    read(["%pm0", "%pm7", "%envreg0", "%envreg1", "%envreg2", "%envreg31", "%reserved_smem_offset_begin", "%reserved_smem_offset_end",
        "%reserved_smem_offset_cap",
          "%reserved_smem_offset_0", "%reserved_smem_offset_1"], "b32")
    read(["%pm0_64", "%pm7_64"], "u64")
    read(["%is_explicit_cluster"], "pred")
    read(["%tid.x", "%ntid.x", "%ctaid.x", "%laneid"], "u16")
    read(["WARP_SZ"])
    read(["%tid.w", "%nosuch"])
    body("mov.v4.u32 %tid", "mov.v4.u32 {%r0, %r1, %r2, %r3}, %tid;")
    for text in ("add.u32 %r0, %tid.x, 1;", "mad.lo.s32 %r1, %ctaid.x, %ntid.x, %tid.x;", "cvt.u64.u32 %d0, %tid.x;",
        "setp.eq.u32 %p0, %tid.x, 0;",
                 "st.global.u32 [%gp], %laneid;"):
        body(f"operand of {text.split()[0]}", text)


def syntax():
    row("4.3", "identifiers, comments")
    body("identifiers with $, _ and %", ".reg .b32 $t, _t, %t$_1; mov.u32 $t, 1; mov.u32 _t, 2; mov.u32 %t$_1, $t;")
    body("comments", "/* a\n*/ mov.u32 %r0, 1; // b")
    row("4.5", "constants")
    for name, text in {"hexadecimal": "0xfF", "octal": "017", "binary": "0b101", "unsigned": "7U", "negative": "-7",
        "complement": "~7", "not": "!0",
                       "sum": "1+2*3", "shift": "1<<4", "comparison": "(2>1)", "choice": "1?2:3",
                           "parentheses": "(1+2)*3", "cast": "(.s64)7", "modulo": "7%4",
                       "WARP_SZ": "WARP_SZ*2", "largest": "0xffffffff", "bits and": "6&3|8^1"}.items():
        body(f"integer: {name}", f"mov.b32 %r0, {text};")
    body("integer: 64 bits", "mov.u64 %d0, 0xffffffffffffffff; mov.s64 %d1, -9223372036854775808;")
    for name, text in {"0f": "0f3F800000", "decimal": "1.5", "exponent": "1.5e-3", "negative": "-2.0",
            "no fraction": "2.", "0F": "0F3F800000", "0d": "0d3FF0000000000000"}.items():
        body(f"real: {name}", f"add.f32 %f0, %f1, {text};")
    body("real: 64 bits", "add.f64 %g0, %g1, 0d3FF0000000000000; add.f64 %g0, %g1, 1.5;")
    body("real: 16 bits", "mov.b16 %h0, 0x3C00; add.f16 %h1, %h0, %h0;")
    row("5.1", "state spaces")
    for name, text in {".global": ".global .align 8 .u64 v;", ".const": ".const .u32 v = 7;",
        ".shared": ".shared .align 16 .b8 v[64];",
                       ".global in an array": ".global .u32 v[2][3];",
                           ".global.volatile attribute": ".global .attribute(.managed) .u32 v;",
                       ".global unified": ".global .attribute(.unified(19, 95)) .u32 v;"}.items():
        kind = name.split()[0].split(".")[1]
        body(f"module: {name}", f"ld.{kind}.b32 %r0, [v];" if kind != "shared" else "st.shared.b32 [v], %r0;",
            module=text)
    for name, text in {".local": ".local .align 4 .b8 v[16]; st.local.u32 [v], %r0;",
        ".shared": ".shared .u32 v; st.shared.u32 [v], %r0;",
                       ".local, a vector": ".local .v4 .u32 v; st.local.u32 [v], %r0;",
                               ".global": ".global .u32 v; ld.global.u32 %r0, [v];"}.items():
        body(f"function: {name}", text)
    body(".extern .shared", "mov.u32 %r0, dyn;", module=".extern .shared .align 16 .b8 dyn[];")
    body(".extern .global", "mov.u64 %d0, other;", module=".extern .global .u32 other;")
    row("5.2", "types")
    for ty in ("b8", "u8", "s8", "b16", "u16", "s16", "b32", "u32", "s32", "b64", "u64", "s64", "f16", "f16x2", "f32",
            "f64", "pred", "b128", "bf16", "bf16x2", "tf32", "e4m3"):
        body(f".reg .{ty}", f".reg .{ty} v, w<4>;")
    body(".reg .v2, .v4", ".reg .v4 .f32 v; .reg .v2 .u32 w; mov.f32 v.x, 0f3F800000; mov.u32 w.y, 1;")
    body(".reg, several at once", ".reg .b32 a, b, c<2>; mov.u32 a, 1; mov.u32 b, a; mov.u32 c1, b;")
    body("f16 registers", ".reg .f16 a; .reg .f16x2 b; cvt.rn.f16.f32 a, %f0; mov.b32 b, {a, a}; add.f16x2 b, b, b;")
    row("5.4", "variables")
    for name, text, use in (("array with values", ".global .align 4 .u32 v[4] = {1, 2, 3, 4};",
        "ld.global.u32 %r0, [v+8];"),
                            ("array of two dimensions", ".const .s32 v[2][2] = {{1, -2}, {3, 4}};",
                                "ld.const.u32 %r0, [v+4];"),
                            ("array without a size", ".global .u32 v[] = {1, 2, 3};", "ld.global.u32 %r0, [v+8];"),
                                ("fewer values than elements", ".global .u32 v[4] = {1};",
                                "ld.global.u32 %r0, [v+12];"),
                            ("reals", ".global .f32 v[2] = {1.5, 0f40000000};", "ld.global.f32 %f0, [v];"),
                                ("reals of 64 bits", ".global .f64 v = 0d3FF0000000000000;", "ld.global.f64 %g0, [v];"),
                            ("bytes", ".global .align 1 .b8 v[6] = {72, 105, 0x21, 10, 0};",
                                "ld.global.u8 %h0, [v+1];"),
                            ("an address", ".global .u32 u; .global .u64 v = u;", "ld.global.u64 %d0, [v];"),
                                ("an address with an offset", ".global .u32 u[4]; .global .u64 v[2] = {u+8, 0};",
                                "ld.global.u64 %d0, [v];"),
                            ("a generic address", ".global .u32 u; .global .u64 v = generic(u);",
                                "ld.global.u64 %d0, [v]; ld.u32 %r0, [%d0];"),
                            ("bytes of an address", ".global .u32 u; "
                                ".global .u8 v[8] = {0xff(u), 0xff00(u), 0xff0000(u), 0xff000000(u), 0, 0, 0, 0};",
                                "ld.global.u8 %h0, [v];"),
                            ("a vector", ".global .v4 .f32 v;", "ld.global.v4.f32 {%f0, %f1, %f2, %f3}, [v];"),
                                ("f16", ".global .align 2 .b16 v = 0x3C00;", "ld.global.b16 %h0, [v];"),
                            ("a mask of an address", ".global .u32 u; .const .u64 v = u;", "ld.const.u64 %d0, [v];"),
                                (".weak", ".weak .global .u32 v = 3;", "ld.global.u32 %r0, [v];"),
                            (".visible", ".visible .const .align 8 .b8 v[8];", "ld.const.u64 %d0, [v];"),
                                    (".common", ".common .global .u32 v;", "ld.global.u32 %r0, [v];")):
        body(f"initialised: {name}" if "=" in text else name, use, module=text)
    body(".reg names of an inner block", "{ .reg .u32 %r0; mov.u32 %r0, 1; }")
    row("6.4", "operands")
    body("[register + immediate]", "ld.global.u32 %r0, [%gp+4]; ld.global.u32 %r1, [%gp+0x10]; mov.u64 %d0, %gp; "
        "add.u64 %d0, %d0, 16; ld.global.u32 %r1, [%d0+-4];")
    body("[register - immediate]", "ld.global.u32 %r1, [%gp-0];")
    body("[variable + immediate]", "ld.global.u32 %r0, [gm+4]; ld.const.u32 %r1, [cm]; st.shared.u32 [sm+8], %r1;")
    body("variable[index]", "ld.global.u32 %r0, gm2[1];", module=".global .u32 gm2[4];")
    body("vector elements", ".reg .v2 .u32 w; mov.u32 w.x, 1; mov.u32 w.y, w.x; st.global.v2.u32 [%gp], w;")
    body("labels as values", "mov.u64 %d0, $a; $a:")
    row("7.1", "parameters")
    for name, declared, use in ((".u8", ".param .u8 a", "ld.param.u8 %h0, [a];"),
        (".f32", ".param .f32 a", "ld.param.f32 %f0, [a];"), ("array", ".param .align 16 .b8 a[32]",
        "ld.param.v2.u64 {%d0, %d1}, [a+16];"),
                                (".ptr", ".param .u64 .ptr a", "ld.param.u64 %d0, [a];"),
                                    (".ptr .global .align", ".param .u64 .ptr .global .align 16 a",
                                    "ld.param.u64 %d0, [a];"),
                                (".ptr .shared", ".param .u64 .ptr .shared .align 4 a", "ld.param.u64 %d0, [a];"),
                                    (".attribute(.grid_constant)", ".param .align 8 .b8 a[8]",
                                    "mov.b64 %d0, a; cvta.param.u64 %d1, %d0; ld.u64 %d2, [%d1];"),
                                (".b64", ".param .b64 a", "ld.param.b64 %d0, [a];"), (".pred", ".param .pred a", ""),
                                        ("two of them", ".param .u16 b, .param .u64 a", "ld.param.u64 %d0, [a];")):
        whole, _ = entry(use)
        size = {".u8": {"u8": 1}, ".f32": {"f32": 1}, ".pred": {"u32": 1}, "array": {"hex": "00" * 32},
            "two of them": None}.get(name, {"u64": 1})
        key = "abi " + name
        PARAMS[key] = size
        PARAMS["abi u16"] = {"u16": 1}
        PARAMS["abi u64"] = {"u64": 1}
        add(f"parameter {name}", whole.replace("k()", f"k({declared})"),
            params=("abi u16", "abi u64") if name == "two of them" else (key,))


def directives():
    kernel = ".visible .entry k() {0} {\nret;\n}\n"
    row("11.1", ".version, .target, .address_size")
    for version in ("7.8", "8.0", "8.3", "8.6", "8.8", "9.0", "9.1", "9.4"):
        module(f".version {version}", f".version {version}\n.target sm_90{'a' if version >= '8.0' else ''}\n.address_size 64\n" + kernel.replace("{0}", ""))
    for target in ("sm_90", "sm_80", "sm_75", "sm_90a, debug", "sm_90a, texmode_independent", "sm_100a",
            "sm_90a, map_f64_to_f32"):
        module(f".target {target}", f".version 9.0\n.target {target}\n.address_size 64\n" + kernel.replace("{0}", ""))
    module("no .address_size", ".version 9.0\n.target sm_90a\n" + kernel.replace("{0}", ""))
    module(".address_size 32", ".version 9.0\n.target sm_90a\n.address_size 32\n" + kernel.replace("{0}", ""))
    row("11.2", ".entry, .func, .alias")
    module(".entry without a linkage", ".entry k() {\nret;\n}\n")
    module(".entry, two of them", kernel.replace("{0}", "") + kernel.replace("{0}", "").replace(" k(", " other("))
    module(".entry declared, then defined", ".visible .entry k();\n" + kernel.replace("{0}", ""))
    module(".weak .entry", ".weak .entry k() {\nret;\n}\n")
    module(".entry without parentheses", ".visible .entry k {\nret;\n}\n")
    body(".func, never called", "mov.u32 %r0, 1;", module=".func helper() { ret; }")
    body(".func .visible", "mov.u32 %r0, 1;", module=".visible .func helper() { ret; }")
    body(".func .weak", "mov.u32 %r0, 1;", module=".weak .func (.param .b32 o) helper(.param .b32 a) { .reg .b32 %t; "
        "ld.param.b32 %t, [a]; st.param.b32 [o], %t; ret; }")
    body(".extern .func, never called", "mov.u32 %r0, 1;", module=".extern .func (.param .b32 o) vprintf(.param .b64 a, .param .b64 b);")
    body(".func .noreturn", "mov.u32 %r0, 1;", module=".func helper() .noreturn { trap; }")
    body(".func .abi_preserve", "call helper;", module=".func helper() .abi_preserve 8 { ret; }")
    body(".alias", "call other;", module=".visible .func helper() { ret; }\n.visible .func other();"
        "\n.alias other, helper;")
    row("11.4", "performance directives")
    for text in (".maxnreg 64", ".maxntid 128", ".maxntid 64, 2, 1", ".reqntid 1", ".reqntid 1, 1, 1",
        ".maxntid 128 .minnctapersm 2", ".maxntid 128 .maxnctapersm 2", ".pragma \"nounroll\";", ".noreturn",
                 ".minnreg 32"):
        module(text.replace('"', "'"), kernel.replace("{0}", text))
    body(".pragma in a body", '.pragma "nounroll"; mov.u32 %r0, 1; .pragma "used_bytes_mask 0xfff";')
    module(".pragma at the top", '.pragma "nounroll";\n' + kernel.replace("{0}", ""))
    row("11.5", "debugging directives")
    body(".file, .loc", ".loc 1 3 5\nmov.u32 %r0, 1;", after='.file 1 "a.cu"\n')
    body(".file with time and size", ".loc 1 3 5\nmov.u32 %r0, 1;", after='.file 1 "/a/a.cu", 1700000000, 123\n')
    body(".loc with inlined_at", ".loc 1 3 5\nmov.u32 %r0, 1;"
        "\n.loc 1 7 1, function_name $info, inlined_at 1 3 5\nmov.u32 %r0, 2;",
         after='.file 1 "a.cu"\n.section .debug_str\n{\n$info:\n.b8 102\n.b8 0\n}\n')
    body(".loc with prologue_end", ".loc 1 3 5 prologue_end\nmov.u32 %r0, 1;", after='.file 1 "a.cu"\n')
    body(".section", "mov.u32 %r0, 1;", after=".section .debug_abbrev\n{\n.b8 1\n.b8 17,1,0\n.b32 7\n.b64 9\n}\n")
    body(".section with labels", "mov.u32 %r0, 1; "
        "$end:", after=".section .debug_info\n{\n.b32 4\n.b32 .debug_abbrev\n.b64 $a\n$a:\n.b8 0\n}\n.section .debug_abbrev\n{\n.b8 0\n}\n")
    module("@@DWARF", '@@DWARF .section .debug_x, "", @progbits\n@@DWARF .byte 0\n' + kernel.replace("{0}", ""))
    row("11.6", "linking directives")
    module(".extern, .visible, .weak of variables", ".visible .global .u32 a;\n.weak .global .u32 b;"
        "\n.extern .global .u32 c;\n" + kernel.replace("{0}", ""))
    row("11.7", "cluster directives")
    for text in (".reqnctapercluster 1", ".reqnctapercluster 1, 1, 1", ".explicitcluster", ".maxclusterrank 8",
        ".explicitcluster .maxclusterrank 8", ".explicitcluster .reqnctapercluster 1, 1, 1",
                 ".reqntid 1, 1, 1 .reqnctapercluster 1, 1, 1 .blocksareclusters"):
        module(text, kernel.replace("{0}", text))
    row("5.3", "textures, samplers, surfaces")
    for ty in ("texref", "samplerref", "surfref"):
        module(f".global .{ty}", f".global .{ty} t;\n" + kernel.replace("{0}", ""))
