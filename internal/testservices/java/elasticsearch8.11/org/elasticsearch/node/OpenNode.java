package org.elasticsearch.node;

import java.util.List;
import launch.RootPlugin;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.ClasspathPlugins;
import org.elasticsearch.plugins.Plugin;

/** A Node whose plugins are classes of the class path. In this package because the constructor is not public. */
public class OpenNode extends Node {
    public OpenNode(Environment env, List<Class<? extends Plugin>> plugins) {
        super(env, settings -> new ClasspathPlugins(settings, env, plugins), true);
        RootPlugin.cluster = injector().getInstance(ClusterService.class);
    }

    public static void configureLogging() {
        LogConfigurator.configureESLogging(); // without it org.elasticsearch.logging has no provider
    }
}
